-- A store as the version before numbered migrations made it, with some of everything in it.
CREATE TABLE meta (name TEXT COLLATE "C" PRIMARY KEY, value TEXT COLLATE "C" NOT NULL);
CREATE TABLE shards (shard INTEGER PRIMARY KEY, term BIGINT NOT NULL, owner TEXT COLLATE "C" NOT NULL);
CREATE TABLE queues (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address TEXT COLLATE "C" NOT NULL UNIQUE,
  head BIGINT NOT NULL DEFAULT 0,
  floor BIGINT NOT NULL DEFAULT 0,
  every BIGINT NOT NULL DEFAULT 0,
  latest BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE every (
  queue_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  final BOOLEAN NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  exclude_device TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (queue_id, seq)
);
CREATE TABLE latest (
  queue_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  final BOOLEAN NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  exclude_device TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL,
  changed_ms BIGINT NOT NULL,
  PRIMARY KEY (queue_id, key)
) WITH (fillfactor = 50);
CREATE INDEX latest_unused ON latest (changed_ms) WHERE seq = 0;
CREATE VIEW entries AS
  SELECT queue_id, seq, 'every' AS contract, created_ms, key, version, final, id, type,
    exclude_device, body
  FROM every
  UNION ALL
  SELECT queue_id, seq, 'latest', created_ms, key, version, final, id, type, exclude_device, body
  FROM latest WHERE seq > 0;
CREATE TABLE seen (
  id TEXT COLLATE "C" NOT NULL,
  queue_id BIGINT NOT NULL,
  seen_ms BIGINT NOT NULL,
  PRIMARY KEY (id, queue_id)
);
CREATE INDEX seen_age ON seen (seen_ms);
CREATE TABLE devices (
  user_id TEXT COLLATE "C" NOT NULL,
  device_id TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  platform TEXT COLLATE "C" NOT NULL,
  ephemeral BOOLEAN NOT NULL,
  last_seen_ms BIGINT NOT NULL,
  PRIMARY KEY (user_id, device_id)
);
CREATE INDEX devices_age ON devices (ephemeral, last_seen_ms);
CREATE TABLE cursors (
  user_id TEXT COLLATE "C" NOT NULL,
  device_id TEXT COLLATE "C" NOT NULL,
  queue_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  initial_head BIGINT NOT NULL,
  PRIMARY KEY (user_id, device_id, queue_id)
) WITH (fillfactor = 70);
CREATE TABLE revocations (
  number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id TEXT COLLATE "C" NOT NULL,
  device_id TEXT COLLATE "C" NOT NULL,
  token_id TEXT COLLATE "C" NOT NULL,
  issued_before_ms BIGINT NOT NULL,
  until_ms BIGINT NOT NULL
);
INSERT INTO cursors VALUES ('alice', 'web-1', 1, 0, 0);
INSERT INTO cursors VALUES ('alice', 'phone', 1, 3, 0);
INSERT INTO devices VALUES ('alice', 'phone', 'Alice''s phone', 'ios', false, 1700000000000);
INSERT INTO devices VALUES ('alice', 'web-1', '', 'web', true, 1700000000001);
INSERT INTO every VALUES (1, 1, 1700000000000, '', 0, false, 'c-1', 'CREDIT_UPDATE', '', '\x7b226964223a22632d31222c2274657874223a224772c3bcc39f653b20697427732031303025203f227d');
INSERT INTO every VALUES (1, 5, 1700000000000, '', 0, false, 'c-2', 'CREDIT_UPDATE', '', '\x7b226964223a22632d32227d20202020202020202020');
INSERT INTO every VALUES (2, 1, 1700000000000, '', 0, false, 'a-1', 'CREDIT_UPDATE', '', '\x7b226964223a22612d31227d20202020202020202020');
INSERT INTO every VALUES (3, 1, 1700000000000, '', 0, false, 'b-1', 'CREDIT_UPDATE', '', '\x7b226964223a22622d31227d20202020202020202020');
INSERT INTO latest VALUES (1, 3, 1700000000000, 'shoot:1', 2, false, 't-2', 'SHOOT_PROGRESS', 'phone', '\x7b226964223a22742d32227d20202020202020202020', 1700000000002);
INSERT INTO latest VALUES (1, 4, 1700000000000, 'shoot:2', 7, true, 't-3', 'SHOOT_PROGRESS', 'phone', '\x7b226964223a22742d33227d20202020202020202020', 1700000000002);
INSERT INTO latest VALUES (4, 2, 1700000000000, 'shoot:1', 5, false, 'b-1', 'SHOOT_PROGRESS', 'phone', '\x7b226964223a22622d31227d20202020202020202020', 1700000000004);
INSERT INTO latest VALUES (4, 3, 1700000000000, 'shoot:2', 5, false, 'b-2', 'SHOOT_PROGRESS', 'phone', '\x7b226964223a22622d32227d20202020202020202020', 1700000000004);
INSERT INTO latest VALUES (4, 0, 1700000000000, 'shoot:0', 5, false, 'b-0', 'SHOOT_PROGRESS', 'phone', '\x', 1700000000004);
INSERT INTO meta VALUES ('schema', '1');
INSERT INTO meta VALUES ('shard_count', '16');
INSERT INTO meta VALUES ('epoch', '00cba15d0daf9375');
INSERT INTO meta VALUES ('history', '7713053077056184122/1/16385');
INSERT INTO queues OVERRIDING SYSTEM VALUE VALUES (1, 'user:alice', 5, 0, 2, 2);
INSERT INTO queues OVERRIDING SYSTEM VALUE VALUES (2, 'all', 1, 0, 1, 0);
INSERT INTO queues OVERRIDING SYSTEM VALUE VALUES (3, 'room:x', 1, 0, 1, 0);
INSERT INTO queues OVERRIDING SYSTEM VALUE VALUES (4, 'user:bob', 3, 1, 0, 2);
INSERT INTO revocations OVERRIDING SYSTEM VALUE VALUES (1, 'bob', '', '', 1700000000000, 1701000000000);
INSERT INTO revocations OVERRIDING SYSTEM VALUE VALUES (2, '', '', 't-9', 0, 1701000000000);
INSERT INTO seen VALUES ('a-1', 2, 1700000000002);
INSERT INTO seen VALUES ('b-1', 3, 1700000000002);
INSERT INTO seen VALUES ('c-1', 1, 1700000000002);
INSERT INTO seen VALUES ('c-2', 1, 1700000000002);
INSERT INTO seen VALUES ('t-1', 1, 1700000000002);
INSERT INTO seen VALUES ('t-2', 1, 1700000000002);
INSERT INTO seen VALUES ('t-3', 1, 1700000000002);
INSERT INTO seen VALUES ('b-0', 4, 1700000000004);
INSERT INTO seen VALUES ('b-1', 4, 1700000000004);
INSERT INTO seen VALUES ('b-2', 4, 1700000000004);
INSERT INTO shards VALUES (5, 2, 'router-2');
SELECT setval('queues_id_seq', 4, true);
SELECT setval('revocations_number_seq', 2, true);
