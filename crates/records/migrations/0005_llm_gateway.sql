-- What the LLM Gateway is set up with. Keys of providers are sealed, virtual keys are kept as their SHA-256.

CREATE TABLE llm_providers (
    name          {name}    NOT NULL PRIMARY KEY,
    style         {text}    NOT NULL,
    base_url      {text}    NOT NULL,
    key_sealed    {blob},
    has_responses {integer} NOT NULL,
    any_model     {integer} NOT NULL
){table};

CREATE TABLE llm_models (
    name       {name}    NOT NULL PRIMARY KEY,
    routes     {text}    NOT NULL,             -- JSON array of {"provider","model","weight","priority"}
    strategy   {text}    NOT NULL,
    max_output {integer}
){table};

-- Micro-credits for a million tokens; per_call: micro-credits for each call.
CREATE TABLE llm_prices (
    model        {name}    NOT NULL PRIMARY KEY,
    input        {integer} NOT NULL,
    cached_input {integer},
    cache_write  {integer},
    output       {integer} NOT NULL,
    per_call     {integer} NOT NULL
){table};

CREATE TABLE llm_groups (
    name       {name}    NOT NULL PRIMARY KEY,
    multiplier {integer} NOT NULL
){table};

CREATE TABLE llm_keys (
    id         {name}    NOT NULL PRIMARY KEY,
    sha256     {sha256}  NOT NULL UNIQUE,
    hint       {text}    NOT NULL,
    owner      {name},
    instance   {name},
    terms      {text}    NOT NULL,             -- JSON
    created_at {integer} NOT NULL,
    expires_at {integer},
    revoked_at {integer}
){table};

CREATE INDEX llm_keys_instance ON llm_keys (instance);

-- Counts the changes of all of these.
INSERT INTO sequences (name, value) VALUES ('llm', 0);
