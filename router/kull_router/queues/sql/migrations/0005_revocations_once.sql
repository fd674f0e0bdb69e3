-- What is revoked again is one row, found by whose tokens it takes back; what has ended is found by
-- its age. Versions before wrote a row for each call, and still may.
CREATE INDEX revocations_scope ON revocations (user_id, device_id, token_id);
DELETE FROM revocations WHERE EXISTS (
  SELECT 1 FROM revocations AS other
  WHERE other.user_id = revocations.user_id AND other.device_id = revocations.device_id
  AND other.token_id = revocations.token_id AND other.number > revocations.number
  AND other.issued_before_ms >= revocations.issued_before_ms
  AND other.until_ms >= revocations.until_ms);
CREATE INDEX revocations_age ON revocations (until_ms);

-- Who revokes locks this row, so that numbers are read in the order in which they were given.
INSERT INTO meta (name, value) VALUES ('revocations', '');
