-- What drivers other than `process` know an instance by.

ALTER TABLE instances ADD COLUMN external_id {text};
ALTER TABLE instances ADD COLUMN image {text};
