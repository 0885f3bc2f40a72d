"""The tables: every span as it came, and what is known of the runs they make up, kept up to date."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""Value of `PRAGMA user_version`; a database of another one is refused."""

TABLES: Final = """
-- One row for each run, nested or not, and for each trace without a run. Sums include nested runs.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,          -- tcc.runId, or the id of a trace without a run
    run_id TEXT,
    trace_id TEXT NOT NULL,
    parent INTEGER,                        -- the run directly around it, once that is known
    top INTEGER NOT NULL,                  -- the outermost run around it; itself for a top-level run
    change INTEGER NOT NULL,               -- of the whole database, growing
    status TEXT NOT NULL,                  -- ok, partial, failed, open
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    agent TEXT NOT NULL DEFAULT '',
    service TEXT NOT NULL DEFAULT '',
    session_id TEXT NOT NULL DEFAULT '',
    user_id TEXT NOT NULL DEFAULT '',
    user_name TEXT NOT NULL DEFAULT '',
    org_id TEXT NOT NULL DEFAULT '',
    org_name TEXT NOT NULL DEFAULT '',
    prompt TEXT NOT NULL DEFAULT '',       -- a line
    response TEXT NOT NULL DEFAULT '',
    error_type TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    steps INTEGER NOT NULL DEFAULT 0,
    tool_calls INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,   -- failed steps, tool calls and nested runs
    spans INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost REAL,
    unpriced INTEGER NOT NULL DEFAULT 0,
    thumbs_up INTEGER NOT NULL DEFAULT 0,
    thumbs_down INTEGER NOT NULL DEFAULT 0,
    feedback_text TEXT NOT NULL DEFAULT '',  -- the newest
    metadata TEXT NOT NULL DEFAULT '{}'      -- JSON object of texts
);
CREATE INDEX run_newest ON run (start_ns DESC, id DESC) WHERE parent IS NULL;
CREATE INDEX run_change ON run (change);
CREATE INDEX run_top ON run (top);
CREATE INDEX run_parent ON run (parent) WHERE parent IS NOT NULL;
CREATE INDEX run_session ON run (session_id, start_ns) WHERE session_id <> '';

-- What a top-level run and all in it can be found by: kind is agent, model, tool, error or metadata.<key>.
CREATE TABLE facet (
    top INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, value, top)
) WITHOUT ROWID;
CREATE INDEX facet_top ON facet (top);

-- Every span once, in the order of arrival; its columns are what lists and sums need, its body is all of it.
CREATE TABLE span (
    id INTEGER PRIMARY KEY,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    parent_span_id TEXT,
    run INTEGER NOT NULL,                  -- the run it belongs to; for a run's own span, that run
    kind TEXT NOT NULL,                    -- run, step, tool, feedback, span
    status TEXT NOT NULL,                  -- ok, partial, failed
    start_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    name TEXT NOT NULL,                    -- agent of a run, model of a step, tool of a tool call
    error_type TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',        -- a line
    input_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost REAL,
    score TEXT NOT NULL DEFAULT '',        -- of feedback: up, down
    feedback_text TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL,                -- of the body
    body BLOB NOT NULL,
    UNIQUE (trace_id, span_id)
);
CREATE INDEX span_run ON span (run);
CREATE INDEX span_children ON span (trace_id, parent_span_id);
CREATE INDEX span_calls ON span (kind, name, start_ns) WHERE kind IN ('step', 'tool');
CREATE INDEX span_feedback ON span (start_ns DESC, id DESC) WHERE kind = 'feedback';

-- Full text of a span under its id; content is not kept twice.
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2');

-- Counts that have no row of their own: duplicates, expired, logs, metrics, change.
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
