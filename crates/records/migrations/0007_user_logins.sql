-- Users sign in: their logins, the refresh tokens of each (as SHA-256), and the keys that access tokens are signed with.

CREATE TABLE user_logins (
    id         {name}    NOT NULL PRIMARY KEY,
    user_id    {name}    NOT NULL,
    cookie     {sha256}  UNIQUE,                -- of a browser's login
    csrf       {text}    NOT NULL,
    created_at {integer} NOT NULL,
    expires_at {integer} NOT NULL
){table};

CREATE INDEX user_logins_user ON user_logins (user_id);
CREATE INDEX user_logins_expiry ON user_logins (expires_at);

-- Spent ones are kept as long as their login: one that comes again was stolen.
CREATE TABLE refresh_tokens (
    sha256   {sha256}  NOT NULL PRIMARY KEY,
    login_id {name}    NOT NULL,
    spent    {integer} NOT NULL
){table};

CREATE INDEX refresh_tokens_login ON refresh_tokens (login_id);

-- The private half is sealed by the control plane that made it; all verify with the public one.
CREATE TABLE signing_keys (
    kid        {name}    NOT NULL PRIMARY KEY,
    public     {blob}    NOT NULL,
    sealed     {blob}    NOT NULL,
    created_at {integer} NOT NULL
){table};
