-- Numbers that grow by one in the transaction that uses them: who sees a number sees everything with a smaller one.

CREATE TABLE sequences (
    name  {name}    NOT NULL PRIMARY KEY,
    value {integer} NOT NULL
){table};

-- Counts the changes of users and their configurations.
INSERT INTO sequences (name, value) VALUES ('changes', 0);
