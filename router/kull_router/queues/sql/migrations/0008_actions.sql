-- What operators have done by way of the console: who, what, to whom, when, and how it ended.
CREATE TABLE actions (
  number $growing_number,
  at_ms $integer NOT NULL,
  operator $text NOT NULL,
  name $text NOT NULL,
  target $text NOT NULL,
  result $text NOT NULL
);
CREATE INDEX actions_age ON actions (at_ms);
