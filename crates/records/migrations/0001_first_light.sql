-- Instances, those who may use the Cloud Backend, and the activity log.
-- Times are milliseconds since the Unix epoch. A migration that has been released is never edited; add another.

CREATE TABLE instances (
    id           {name}    NOT NULL PRIMARY KEY,
    name         {text}    NOT NULL,
    runtime      {text}    NOT NULL,
    driver       {text}    NOT NULL,
    channels     {text}    NOT NULL,             -- JSON array of {"type","config"}
    model        {text},
    port         {integer} NOT NULL UNIQUE CHECK (port BETWEEN 1 AND 65535),
    port_fixed   {integer} NOT NULL,
    version      {text},
    memory_bytes {integer},
    cpus         {real},
    desired      {text}    NOT NULL,
    status       {text}    NOT NULL,
    error        {text},
    pid          {integer},
    pid_started  {integer},
    token_sha256 {sha256}    NOT NULL CHECK (length(token_sha256) = 32),
    token_sealed {blob}    NOT NULL,
    created_at   {integer} NOT NULL,
    updated_at   {integer} NOT NULL
){table};

CREATE TABLE administrators (
    name         {name}    NOT NULL PRIMARY KEY,
    password_phc {text}    NOT NULL,
    created_at   {integer} NOT NULL
){table};

CREATE TABLE api_tokens (
    name       {name}    NOT NULL PRIMARY KEY,
    sha256     {sha256}    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    created_at {integer} NOT NULL
){table};

CREATE TABLE logins (
    sha256        {sha256}    NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    administrator {name}    NOT NULL {references administrator} administrators (name) ON DELETE CASCADE,
    csrf          {text}    NOT NULL,
    created_at    {integer} NOT NULL,
    expires_at    {integer} NOT NULL
){table};

CREATE INDEX logins_expiry ON logins (expires_at);

CREATE TABLE events (
    id       {id},
    at       {integer} NOT NULL,
    kind     {text}    NOT NULL,
    instance {text},
    actor    {text}    NOT NULL,
    message  {text}    NOT NULL
){table};
