-- What one unit of a currency is, in micro-credits; and the currency that a price is said in, where it is not credits.

CREATE TABLE llm_currencies (
    code    {short}   NOT NULL PRIMARY KEY,
    credits {integer} NOT NULL
){table};

ALTER TABLE llm_prices ADD COLUMN currency {short};
