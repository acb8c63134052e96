-- Whose account it is that an identity provider vouches for: its name for a person leads to one user, and one user has one name there.

CREATE TABLE subjects (
    issuer     {name}    NOT NULL,
    subject    {name}    NOT NULL,
    user_id    {name}    NOT NULL,
    created_at {integer} NOT NULL,
    PRIMARY KEY (issuer, subject)
){table};

CREATE UNIQUE INDEX subjects_user ON subjects (issuer, user_id);
