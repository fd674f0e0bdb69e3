-- An id is unique for its type and publishing service, not for all of an address.
ALTER TABLE every ADD COLUMN service $text NOT NULL DEFAULT '';
ALTER TABLE latest ADD COLUMN service $text NOT NULL DEFAULT '';
DROP VIEW entries;
CREATE VIEW entries AS
  SELECT queue_id, seq, 'every' AS contract, created_ms, key, version, final, id, type,
    exclude_device, body, service
  FROM every
  UNION ALL
  SELECT queue_id, seq, 'latest', created_ms, key, version, final, id, type, exclude_device, body,
    service
  FROM latest WHERE seq > 0;

-- Rows without a type are those of versions that knew ids alone; such a version may still write.
CREATE TABLE seen_before AS SELECT id, queue_id, seen_ms FROM seen;
DROP TABLE seen;
CREATE TABLE seen (
  id $text NOT NULL,
  queue_id $integer NOT NULL,
  type $text NOT NULL DEFAULT '',
  service $text NOT NULL DEFAULT '',
  seen_ms $integer NOT NULL,
  PRIMARY KEY (id, queue_id, type, service)
) $by_key;
INSERT INTO seen (id, queue_id, seen_ms) SELECT id, queue_id, seen_ms FROM seen_before;
CREATE INDEX seen_age ON seen (seen_ms);
DROP TABLE seen_before;
