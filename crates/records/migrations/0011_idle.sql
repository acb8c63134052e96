-- What becomes of an instance that has had nothing to do for so many minutes.

ALTER TABLE instances ADD COLUMN idle_policy {name} NOT NULL DEFAULT 'always';
ALTER TABLE instances ADD COLUMN idle_minutes {integer} NOT NULL DEFAULT 0;
