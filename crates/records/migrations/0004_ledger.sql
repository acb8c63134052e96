-- The books: what bounds spending, what gateway nodes hold of it, every change of a balance, and every call.
-- Amounts are millionths of a credit. Names that are part of a wide key are {short}.

-- A credit account's balance is the sum of its entries. A budget's is what was spent of it, below zero.
-- `held` is the sum over the nodes of `escrow`.
CREATE TABLE purses (
    id           {name}    NOT NULL PRIMARY KEY,
    balance      {integer} NOT NULL,
    held         {integer} NOT NULL,
    wanted_until {integer} NOT NULL,            -- until then a node waits for more: nobody takes ahead
    alert_below  {integer},                     -- an account: say so when the balance falls below
    alerted      {integer} NOT NULL
){table};

CREATE TABLE ledger_nodes (
    name       {name}    NOT NULL PRIMARY KEY,
    generation {integer} NOT NULL,
    turn       {integer} NOT NULL,
    segment    {integer} NOT NULL,              -- its journal is in the books up to here
    place      {integer} NOT NULL,
    seen_at    {integer} NOT NULL
){table};

CREATE TABLE escrow (
    node     {name}    NOT NULL,
    purse    {name}    NOT NULL,
    held     {integer} NOT NULL,
    recalled {integer} NOT NULL,                -- another node is short of it
    PRIMARY KEY (node, purse)
){table};

CREATE INDEX escrow_purse ON escrow (purse);

-- Append-only.
CREATE TABLE ledger_entries (
    id      {id},
    account {name}    NOT NULL,
    kind    {name}    NOT NULL,
    amount  {integer} NOT NULL,
    request {request} UNIQUE,                   -- the call, or the request that granted
    at      {integer} NOT NULL,
    note    {text}
){table};

CREATE INDEX ledger_entries_account ON ledger_entries (account, id);

-- What is left of each grant follows from the balance: the credits that expire first are spent first. `remaining` is
-- brought up to date whenever it is looked at.
CREATE TABLE credit_grants (
    id         {id},
    account    {name}    NOT NULL,
    amount     {integer} NOT NULL,
    remaining  {integer} NOT NULL,
    expires_at {integer} NOT NULL,              -- the largest number there is: never
    at         {integer} NOT NULL,
    note       {text}
){table};

CREATE INDEX credit_grants_left ON credit_grants (account, remaining);
CREATE INDEX credit_grants_due ON credit_grants (expires_at, remaining);

-- One row a call, for a while.
CREATE TABLE calls (
    request    {request} NOT NULL PRIMARY KEY,
    account    {short}   NOT NULL,
    instance   {short}   NOT NULL,
    api_key    {short}   NOT NULL,
    provider   {short}   NOT NULL,
    model      {short}   NOT NULL,
    prompt     {integer} NOT NULL,
    completion {integer} NOT NULL,
    cached     {integer} NOT NULL,
    reasoning  {integer} NOT NULL,
    cost       {integer} NOT NULL,
    estimated  {integer} NOT NULL,
    outcome    {short}   NOT NULL,
    at         {integer} NOT NULL,
    latency_ms {integer} NOT NULL
){table};

CREATE INDEX calls_at ON calls (at);
CREATE INDEX calls_account ON calls (account, at);

-- The same, added up by the hour (`grain` 1) and by the UTC day (24), for good.
CREATE TABLE usage_sums (
    grain      {integer} NOT NULL,
    since      {integer} NOT NULL,              -- when the hour or the day began
    account    {short}   NOT NULL,
    instance   {short}   NOT NULL,
    provider   {short}   NOT NULL,
    model      {short}   NOT NULL,
    calls      {integer} NOT NULL,
    failed     {integer} NOT NULL,              -- of them: did not end well
    estimated  {integer} NOT NULL,              -- of them: tokens counted here
    prompt     {integer} NOT NULL,
    completion {integer} NOT NULL,
    cached     {integer} NOT NULL,
    reasoning  {integer} NOT NULL,
    cost       {integer} NOT NULL,
    PRIMARY KEY (grain, since, account, instance, provider, model)
){table};

CREATE INDEX usage_sums_account ON usage_sums (grain, account, since);
