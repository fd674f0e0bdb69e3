-- Whoever notes an action and gets no answer notes it again, by way of another router: once is enough.
ALTER TABLE actions ADD COLUMN key $text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX actions_key ON actions (key) WHERE key <> '';
