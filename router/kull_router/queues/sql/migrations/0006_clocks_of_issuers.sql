-- How far ahead of the routers' clocks those of issuers were when it was revoked.
ALTER TABLE revocations ADD COLUMN ahead_ms $integer NOT NULL DEFAULT 0;
