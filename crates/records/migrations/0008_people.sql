-- What people need who sign in themselves: several gateway tokens, a model key, a gateway to chat with. And since when the numbers of changes
-- are this database's own, so that who has followed another one (before a backup was restored) is told apart.

ALTER TABLE user_tokens ADD COLUMN name {short} NOT NULL DEFAULT 'default';
-- Only of what the console itself shows a gateway for the user.
ALTER TABLE user_tokens ADD COLUMN sealed {blob};

-- The virtual key that a user's calls are charged by.
CREATE TABLE user_keys (
    user_id {name} NOT NULL PRIMARY KEY,
    key_id  {name} NOT NULL,
    sealed  {blob} NOT NULL
){table};

-- The instance that serves all users: one row, or none.
CREATE TABLE users_gateway (
    one      {integer} NOT NULL PRIMARY KEY CHECK (one = 1),
    instance {name}    NOT NULL
){table};

-- Each opening of the records begins an era: numbers from `first_number` on are of this one.
CREATE TABLE change_eras (
    first_number {integer} NOT NULL PRIMARY KEY,
    tag          {text}    NOT NULL
){table};
