-- The whole history of the schema, read from top to bottom: each step begins with a line `-- step N` and is never
-- changed once released. `user_version` is the number of the last step applied.
--
-- What lists filter and sort by is a column. What is only ever read whole is JSON: steps with their logs, properties,
-- stamps, blame. Every row of a thing that people see has `seq`, the journal number of its last change. Enumerations are
-- the words of cli.md. Times are milliseconds since 1970, UTC.

-- step 1

-- What belongs to the database as a whole: `epoch`, 16 random bytes.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids that cannot be found again as the largest of a table, and the configuration followed last. One row.
CREATE TABLE latest (
    one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    log     INTEGER NOT NULL,
    command INTEGER NOT NULL,
    config  TEXT
) STRICT;
INSERT INTO latest VALUES (1, 0, 0, NULL);

-- Every record, in order: what reporters and consoles resume from, and what `linn events` shows. May be trimmed.
CREATE TABLE journal (
    seq     INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT;

CREATE TABLE change (
    id     INTEGER NOT NULL PRIMARY KEY,
    seq    INTEGER NOT NULL,
    branch TEXT,
    author TEXT NOT NULL,
    body   TEXT NOT NULL
) STRICT;
CREATE INDEX change_by_branch ON change (branch) WHERE branch IS NOT NULL;

-- Apart from the changes, since tens of thousands are read at every start.
CREATE TABLE change_key (
    change INTEGER NOT NULL PRIMARY KEY,
    key    TEXT NOT NULL UNIQUE
) STRICT;

-- The known part of the version-control graphs, numbered in the order learnt.
CREATE TABLE vcs_commit (
    n          INTEGER NOT NULL PRIMARY KEY,
    repository TEXT NOT NULL,
    revision   TEXT NOT NULL,
    parents    TEXT NOT NULL,
    UNIQUE (repository, revision)
) STRICT;

-- Changes that a scheduler keeps for its next firing.
CREATE TABLE scheduler_change (
    scheduler TEXT NOT NULL,
    change    INTEGER NOT NULL,
    important INTEGER NOT NULL,
    PRIMARY KEY (scheduler, change)
) STRICT, WITHOUT ROWID;

CREATE TABLE source (
    name   TEXT NOT NULL PRIMARY KEY,
    seq    INTEGER NOT NULL,
    looked INTEGER NOT NULL,
    error  TEXT,
    tips   TEXT NOT NULL
) STRICT;

CREATE TABLE worker (
    name         TEXT NOT NULL PRIMARY KEY,
    seq          INTEGER NOT NULL,
    instance     TEXT NOT NULL,
    connected_at INTEGER,
    lost_at      INTEGER,
    idle_since   INTEGER,
    hold         TEXT,
    info         TEXT NOT NULL
) STRICT;

CREATE TABLE buildset (
    id           INTEGER NOT NULL PRIMARY KEY,
    seq          INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    scheduler    TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    complete_at  INTEGER,
    results      TEXT,
    told         INTEGER NOT NULL,
    given        TEXT NOT NULL,
    properties   TEXT NOT NULL
) STRICT;
CREATE INDEX buildset_open ON buildset (id) WHERE complete_at IS NULL;

CREATE TABLE build_request (
    id           INTEGER NOT NULL PRIMARY KEY,
    seq          INTEGER NOT NULL,
    buildset     INTEGER NOT NULL,
    builder      TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    submitted_at INTEGER NOT NULL,
    claimed_at   INTEGER,
    complete_at  INTEGER,
    results      TEXT,
    builds       TEXT NOT NULL
) STRICT;
CREATE INDEX build_request_by_builder ON build_request (builder);
CREATE INDEX build_request_open ON build_request (id) WHERE complete_at IS NULL;

-- A build with all its steps in one row. Measured (200 newest of 100 000 builds, four steps each, read into structs):
-- with the steps as JSON here 1.0 ms for everything; with steps as rows of their own 1.5 ms for the steps alone. And a
-- build of one step is written by two statements instead of five. `specs` holds the commands of steps that run.
CREATE TABLE build (
    id          INTEGER NOT NULL PRIMARY KEY,
    seq         INTEGER NOT NULL,
    builder     TEXT NOT NULL,
    number      INTEGER NOT NULL,
    buildset    INTEGER NOT NULL,
    worker      TEXT NOT NULL,
    config      TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    scheduler   TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    complete_at INTEGER,
    results     TEXT NOT NULL,
    text        TEXT NOT NULL,
    ending      INTEGER NOT NULL,
    lost_since  INTEGER,
    new_failure INTEGER NOT NULL,
    given       TEXT NOT NULL,
    found       TEXT NOT NULL,
    steps       TEXT NOT NULL,
    specs       TEXT,
    properties  TEXT NOT NULL,
    UNIQUE (builder, number)
) STRICT;
-- Unfinished builds are those without a time here.
CREATE INDEX build_by_end ON build (complete_at);
CREATE INDEX build_by_results ON build (results) WHERE complete_at IS NOT NULL;

-- The branches of a build's stamps; the default branch has no name and no row.
CREATE TABLE build_branch (
    branch TEXT NOT NULL,
    build  INTEGER NOT NULL,
    PRIMARY KEY (branch, build)
) STRICT, WITHOUT ROWID;

-- Answers to askings with an id, numbered in the order given.
CREATE TABLE answer (
    n          INTEGER NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    at         INTEGER NOT NULL,
    made       TEXT NOT NULL
) STRICT;

-- The text of each configuration that was followed, with all that it loaded, in order.
CREATE TABLE config_source (
    digest TEXT NOT NULL,
    n      INTEGER NOT NULL,
    name   TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (digest, n)
) STRICT, WITHOUT ROWID;

-- step 2

-- Which request took another in, and the like: JSON, as it is only ever read whole.
ALTER TABLE build_request ADD COLUMN linked TEXT NOT NULL DEFAULT '{}';

-- step 3

-- What is remembered of a scheduler from one firing to the next, also while no configuration names it.
CREATE TABLE scheduler (
    name     TEXT NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL,
    switched INTEGER,
    schedule TEXT NOT NULL,
    since    INTEGER NOT NULL,
    watches  TEXT NOT NULL,
    unsure   INTEGER NOT NULL,
    last     INTEGER
) STRICT;

-- step 4

-- What steps counted, over time (C33): one number for each build and name, the sum over its steps. The key is the order
-- in which it is read, so a question for one name costs as many rows as it gives, however long the history is. The
-- builds that are there already bring theirs.
CREATE TABLE statistic (
    builder TEXT NOT NULL,
    name    TEXT NOT NULL,
    number  INTEGER NOT NULL,
    value   REAL NOT NULL,
    PRIMARY KEY (builder, name, number)
) STRICT, WITHOUT ROWID;
INSERT INTO statistic
    SELECT build.builder, told.key, build.number, sum(told.value)
    FROM build, json_each(build.steps) AS step, json_each(step.value, '$.statistics') AS told
    WHERE told.type IN ('integer', 'real')
    GROUP BY 1, 2, 3;

-- step 5

-- The files that builds keep: their bytes lie in `artifacts/`, named by their digest.
CREATE TABLE artifact (
    build  INTEGER NOT NULL,
    name   TEXT NOT NULL,
    step   TEXT NOT NULL,
    bytes  INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (build, name)
) STRICT, WITHOUT ROWID;

-- step 6

-- What the steps of a build do, where functions made some of them; else its configuration says it.
ALTER TABLE build ADD COLUMN recipe TEXT;

-- step 7

-- What becomes of a build after its end, JSON: whether it is pinned, and what of it was deleted.
ALTER TABLE build ADD COLUMN keeping TEXT;
ALTER TABLE build ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX build_pinned ON build (id) WHERE pinned;

-- Builds that are no more, some fifty bytes each: their numbers are never given again, what they counted has their age,
-- and files of theirs that a crash left behind are known as such.
CREATE TABLE deleted_build (
    builder TEXT NOT NULL,
    number  INTEGER NOT NULL,
    id      INTEGER NOT NULL UNIQUE,
    ended   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (builder, number)
) STRICT, WITHOUT ROWID;

-- By which rules retention goes, since when, and when it last went through everything. One row.
CREATE TABLE retention (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    rules TEXT NOT NULL,
    since INTEGER NOT NULL,
    last  INTEGER
) STRICT;
INSERT INTO retention VALUES (1, '', 0, NULL);

-- A file goes when no build names it any more.
CREATE INDEX artifact_by_digest ON artifact (sha256);

-- step 8

-- A buildset is found by the id that somebody outside gave it (BS-7).
CREATE INDEX buildset_by_external_id ON buildset (external_id) WHERE external_id <> '';

-- step 9

-- Builds in a row that went wrong on a worker, and how long it rests, JSON (LW-5).
ALTER TABLE worker ADD COLUMN quarantine TEXT;
