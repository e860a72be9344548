CREATE TABLE books (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    title      TEXT    NOT NULL,
    created_by TEXT    NOT NULL, -- the user's id, the token's sub
    created_at INTEGER NOT NULL  -- milliseconds since 1970
) STRICT;

CREATE TABLE chapters (
    book_id    INTEGER NOT NULL REFERENCES books (id),
    number     INTEGER NOT NULL, -- 1, 2, 3, … within the book
    title      TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (book_id, number)
) STRICT;
