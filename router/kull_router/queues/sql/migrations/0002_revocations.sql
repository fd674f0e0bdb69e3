-- Versions before there were migrations made this table beside the others, at a later start.
-- Numbers are never given twice.
CREATE TABLE IF NOT EXISTS revocations (
  number $growing_number,
  user_id $text NOT NULL,
  device_id $text NOT NULL,
  token_id $text NOT NULL,
  issued_before_ms $integer NOT NULL,
  until_ms $integer NOT NULL
);

-- Those versions look here, and stop at a number that they do not know.
UPDATE meta SET value = 2 WHERE name = 'schema';
