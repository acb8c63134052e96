-- What an event's sentence is made of, as a JSON object, so that a reader can say it in another language.
ALTER TABLE events ADD COLUMN data {text};
