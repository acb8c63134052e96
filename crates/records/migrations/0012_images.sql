-- The container image that instances of a runtime are made from, where it is not Creel's own choice.

CREATE TABLE images (
    runtime    {short}   NOT NULL PRIMARY KEY,
    image      {text}    NOT NULL,
    updated_at {integer} NOT NULL
){table};
