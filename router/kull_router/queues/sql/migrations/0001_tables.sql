-- Whose logs these are: epoch, shard_count, and in PostgreSQL their history.
CREATE TABLE meta (name $text PRIMARY KEY, value $any_text NOT NULL) $by_key;
INSERT INTO meta (name, value) VALUES ('schema', 1);

CREATE TABLE shards (shard INTEGER PRIMARY KEY, term $integer NOT NULL, owner $text NOT NULL);

-- Rows of this table are never deleted: a seq must not be given twice in one epoch.
-- `every` and `latest` count the kept entries of that contract.
CREATE TABLE queues (
  id $row_id,
  address $text NOT NULL UNIQUE,
  head $integer NOT NULL DEFAULT 0,
  floor $integer NOT NULL DEFAULT 0,
  every $integer NOT NULL DEFAULT 0,
  latest $integer NOT NULL DEFAULT 0
) $half_full;

-- One table per contract. What they keep has the same columns, see the view.
CREATE TABLE every (
  queue_id $integer NOT NULL,
  seq $integer NOT NULL,
  created_ms $integer NOT NULL,
  key $text NOT NULL,
  version $integer NOT NULL,
  final $boolean NOT NULL,
  id $text NOT NULL,
  type $text NOT NULL,
  exclude_device $text NOT NULL,
  body $bytes NOT NULL,
  PRIMARY KEY (queue_id, seq)
) $by_key;

-- One row per key, so that replacing an entry writes one page. Once the entry has been trimmed its
-- seq is 0 and its body empty: only the version still counts.
CREATE TABLE latest (
  queue_id $integer NOT NULL,
  seq $integer NOT NULL,
  created_ms $integer NOT NULL,
  key $text NOT NULL,
  version $integer NOT NULL,
  final $boolean NOT NULL,
  id $text NOT NULL,
  type $text NOT NULL,
  exclude_device $text NOT NULL,
  body $bytes NOT NULL,
  changed_ms $integer NOT NULL,
  PRIMARY KEY (queue_id, key)
) $by_key $half_full;
CREATE INDEX latest_unused ON latest (changed_ms) WHERE seq = 0;

CREATE VIEW entries AS
  SELECT queue_id, seq, 'every' AS contract, created_ms, key, version, final, id, type,
    exclude_device, body
  FROM every
  UNION ALL
  SELECT queue_id, seq, 'latest', created_ms, key, version, final, id, type, exclude_device, body
  FROM latest WHERE seq > 0;

-- The id comes first: ids are made in the order of time, so that inserts meet at the right edge.
-- One table, not one per hour: that would be 25 look-ups per event instead of one.
CREATE TABLE seen (
  id $text NOT NULL,
  queue_id $integer NOT NULL,
  seen_ms $integer NOT NULL,
  PRIMARY KEY (id, queue_id)
) $by_key;
CREATE INDEX seen_age ON seen (seen_ms);

CREATE TABLE devices (
  user_id $text NOT NULL,
  device_id $text NOT NULL,
  name $text NOT NULL,
  platform $text NOT NULL,
  ephemeral $boolean NOT NULL,
  last_seen_ms $integer NOT NULL,
  PRIMARY KEY (user_id, device_id)
) $by_key;
CREATE INDEX devices_age ON devices (ephemeral, last_seen_ms);

CREATE TABLE cursors (
  user_id $text NOT NULL,
  device_id $text NOT NULL,
  queue_id $integer NOT NULL,
  seq $integer NOT NULL,
  initial_head $integer NOT NULL,
  PRIMARY KEY (user_id, device_id, queue_id)
) $by_key $mostly_full;
