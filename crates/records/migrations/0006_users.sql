-- Users, their gateway tokens (as SHA-256) and configurations, and in which order they changed.

CREATE TABLE users (
    id            {name}    NOT NULL PRIMARY KEY,
    name          {text}    NOT NULL,
    status        {text}    NOT NULL,
    password_phc  {text},
    config        {text}    NOT NULL,          -- the text of an openclaw.json
    created_at    {integer} NOT NULL,
    updated_at    {integer} NOT NULL,
    change_number {integer} NOT NULL           -- of the last change, in the sequence 'changes'
){table};

CREATE INDEX users_change ON users (change_number);

CREATE TABLE user_tokens (
    sha256     {sha256}  NOT NULL PRIMARY KEY,
    user_id    {name}    NOT NULL,
    created_at {integer} NOT NULL,
    expires_at {integer}
){table};

CREATE INDEX user_tokens_user ON user_tokens (user_id);

-- Who is gone, so that those who follow the changes learn of it.
CREATE TABLE deleted_users (
    id            {name}    NOT NULL PRIMARY KEY,
    change_number {integer} NOT NULL
){table};

CREATE INDEX deleted_users_change ON deleted_users (change_number);
