-- Where an event was stored is known as long as its id is: `kull why` tells. 0: not noted.
ALTER TABLE seen ADD COLUMN seq $integer NOT NULL DEFAULT 0;
