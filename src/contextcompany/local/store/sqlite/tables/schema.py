"""The tables: every span as it came, and what is known of the runs they make up, kept up to date."""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x74636331
"""Value of `PRAGMA application_id`: `tcc1`. A database of another application is refused."""

VERSION: Final = 1
"""Value of `PRAGMA user_version`; a database of another one is refused."""

PAGE_BYTES: Final = 8192

TABLES: Final = """
-- One row for each unit: a run, nested or not, or what is left of a trace without the runs in it.
-- Sums include nested runs.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,          -- tcc.runId, or the id of a trace
    run_id TEXT,                           -- NULL where the address is the id of a trace
    trace_id TEXT NOT NULL,
    parent INTEGER,                        -- the run directly around it; NULL for a top-level run; 0 for the
                                           -- spans of an application around its runs, which no list shows
    top INTEGER NOT NULL,                  -- the outermost run around it; itself for a top-level run
    change INTEGER NOT NULL,               -- of the whole database, growing, no two rows share one
    status TEXT NOT NULL,                  -- ok, partial, failed, open
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    name TEXT NOT NULL,
    agent TEXT NOT NULL,
    service TEXT NOT NULL,
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    org_id TEXT NOT NULL,
    org_name TEXT NOT NULL,
    prompt TEXT NOT NULL,                  -- a line
    response TEXT NOT NULL,
    error_type TEXT NOT NULL,
    error TEXT NOT NULL,
    feedback_text TEXT NOT NULL,           -- the newest
    metadata TEXT NOT NULL,                -- JSON object of texts
    wanted INTEGER,                        -- the run it says it is inside; parent unless that makes a circle
    named_parent TEXT NOT NULL,            -- address of the run it says it was started in, here or not
    head INTEGER NOT NULL,                 -- the spans that its line is taken from, 0 for none
    tail INTEGER NOT NULL,
    asker INTEGER NOT NULL,
    answerer INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL,
    failures INTEGER NOT NULL,             -- failed steps, tool calls and nested runs
    input_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    priced INTEGER NOT NULL,               -- steps that have a cost
    unpriced INTEGER NOT NULL,
    thumbs_up INTEGER NOT NULL,
    thumbs_down INTEGER NOT NULL,
    cost REAL                              -- NULL where no step has one
);
-- What lists are ordered by and sums are made of stands in the index, so that neither reads the wide rows.
CREATE INDEX run_list ON run (
    parent, start_ns, id, end_ns, status, cost, input_tokens, output_tokens, thumbs_up, thumbs_down
);
CREATE INDEX run_agent ON run (
    agent, parent, start_ns, end_ns, status, cost, input_tokens, output_tokens, thumbs_up, thumbs_down, top
) WHERE agent <> '';
CREATE INDEX run_user ON run (
    user_id, parent, start_ns, end_ns, status, cost, input_tokens, output_tokens, thumbs_up, thumbs_down
) WHERE user_id <> '';
CREATE INDEX run_org ON run (
    org_id, parent, start_ns, end_ns, status, cost, input_tokens, output_tokens, thumbs_up, thumbs_down
) WHERE org_id <> '';
CREATE INDEX run_rated ON run (id, status, thumbs_up, thumbs_down)
    WHERE parent IS NULL AND (status = 'failed' OR thumbs_up > 0 OR thumbs_down > 0);
CREATE INDEX run_user_name ON run (user_name COLLATE NOCASE) WHERE user_name <> '';
CREATE INDEX run_org_name ON run (org_name COLLATE NOCASE) WHERE org_name <> '';
CREATE INDEX run_hidden ON run (start_ns) WHERE parent = 0;
CREATE INDEX run_change ON run (change);
CREATE INDEX run_top ON run (top);
CREATE INDEX run_parent ON run (parent) WHERE parent > 0;
CREATE INDEX run_named_parent ON run (named_parent) WHERE named_parent <> '';
CREATE INDEX run_session ON run (
    session_id, parent, start_ns, end_ns, status, cost, input_tokens, output_tokens, thumbs_up, thumbs_down
) WHERE session_id <> '';

-- What a top-level run and all in it can be found by: kind is agent, model, tool, error or metadata.<key>.
CREATE TABLE facet (
    top INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, value, top)
) WITHOUT ROWID;
CREATE INDEX facet_top ON facet (top);

-- One row for each trace: small numbers keep the indexes of spans small and their growth in one place.
CREATE TABLE trace (
    id INTEGER PRIMARY KEY,
    trace_id TEXT NOT NULL UNIQUE,
    unit INTEGER NOT NULL,                 -- the row of run whose address is this trace, 0 for none
    has_runs INTEGER NOT NULL              -- whether a span in it names its run
);

-- Every span once, in the order of arrival; what lists and sums need of it.
CREATE TABLE span (
    id INTEGER PRIMARY KEY,                -- never used again
    trace INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    parent_span_id TEXT,
    run INTEGER NOT NULL,                  -- the run it belongs to; for a run's own span, that run
    kind TEXT NOT NULL,                    -- run, step, tool, feedback, span
    status TEXT NOT NULL,                  -- ok, partial, failed
    claims INTEGER NOT NULL,               -- whether it names its run itself
    own INTEGER NOT NULL,                  -- whether it is the run's own span
    within INTEGER NOT NULL,               -- whether it is inside a step: such a step is the same request,
                                           -- seen by a second instrumentation, and counts nowhere
    says INTEGER NOT NULL,                 -- 1: has a prompt, 2: a response, 4: feedback in words
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    name TEXT NOT NULL,                    -- agent of a run, model of a step, tool of a tool call
    error_type TEXT NOT NULL,
    error TEXT NOT NULL,                   -- a line
    input_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost REAL,
    score TEXT NOT NULL,                   -- of feedback: up, down
    feedback_text TEXT NOT NULL,
    checksum INTEGER NOT NULL,             -- of the text that words holds for it, 0 for none
    UNIQUE (trace, span_id)
);
CREATE INDEX span_run ON span (run, kind, start_ns, end_ns, says);
CREATE INDEX span_own ON span (run, start_ns) WHERE own = 1;
CREATE INDEX span_children ON span (trace, parent_span_id);
CREATE INDEX span_calls ON span (
    kind, name, start_ns, end_ns, status, input_tokens, output_tokens, cost, run
) WHERE kind IN ('step', 'tool') AND within = 0;
CREATE INDEX span_feedback ON span (start_ns DESC, id DESC) WHERE kind = 'feedback';

-- The whole of the spans first to last, apart from their columns so that those stand close together: what
-- came together of one trace, a line each, compressed.
CREATE TABLE pack (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, lines BLOB NOT NULL);

-- Full text of a span under its id; content is not kept twice.
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);
-- Half as many merges of its parts for twice as many parts to look into.
INSERT INTO words (words, rank) VALUES ('automerge', 8);

-- Counts that have no row of their own: change, duplicates, expired, untidy, logs, metrics, last_span,
-- last_run, last_trace.
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
