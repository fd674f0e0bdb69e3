-- Which event of a key is the newest is told by runs of publishers, not by a clock. Of what older
-- versions have stored no run is known: whatever arrives next is newer.
ALTER TABLE every ADD COLUMN run $text NOT NULL DEFAULT '';
ALTER TABLE every ADD COLUMN progress $integer NOT NULL DEFAULT -1;
ALTER TABLE latest ADD COLUMN run $text NOT NULL DEFAULT '';
ALTER TABLE latest ADD COLUMN progress $integer NOT NULL DEFAULT -1;
ALTER TABLE latest ADD COLUMN heard $text NOT NULL DEFAULT '[]';
DROP VIEW entries;
CREATE VIEW entries AS
  SELECT queue_id, seq, 'every' AS contract, created_ms, key, version, final, id, type,
    exclude_device, body, service, run, progress
  FROM every
  UNION ALL
  SELECT queue_id, seq, 'latest', created_ms, key, version, final, id, type, exclude_device, body,
    service, run, progress
  FROM latest WHERE seq > 0;
