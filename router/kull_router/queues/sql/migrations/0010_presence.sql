-- The newest word on each device that is there, and on its user (an empty device), for the exchange
-- `kull.presence`: kept before it is published, marked when RabbitMQ has confirmed it.
CREATE TABLE presence (
  shard $integer NOT NULL,
  user_id $text NOT NULL,
  device_id $text NOT NULL,
  term $integer NOT NULL,
  number $integer NOT NULL,
  at_ms $integer NOT NULL,
  online $boolean NOT NULL,
  told $boolean NOT NULL,
  PRIMARY KEY (user_id, device_id)
) $by_key;
CREATE INDEX presence_shard ON presence (shard);
