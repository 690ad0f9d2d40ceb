//! The tables. What is only ever read whole is a JSON document; what is asked for has a column.

pub(crate) const MIGRATIONS: &[&str] = &["
    CREATE TABLE account (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, subdomain TEXT NOT NULL UNIQUE, plan TEXT NOT NULL, created INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE token (
        id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account ON DELETE CASCADE, name TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER
    ) STRICT;
    CREATE TABLE script (
        tag TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account ON DELETE CASCADE, name TEXT NOT NULL,
        created INTEGER NOT NULL, modified INTEGER NOT NULL, document TEXT NOT NULL, UNIQUE (account, name)
    ) STRICT;
    CREATE TABLE version (
        id TEXT PRIMARY KEY, script TEXT NOT NULL REFERENCES script ON DELETE CASCADE, number INTEGER NOT NULL,
        created INTEGER NOT NULL, document TEXT NOT NULL, UNIQUE (script, number)
    ) STRICT;
    CREATE TABLE content (hash BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE module (
        version TEXT NOT NULL REFERENCES version ON DELETE CASCADE, place INTEGER NOT NULL, name TEXT NOT NULL,
        kind TEXT NOT NULL, content BLOB NOT NULL REFERENCES content, PRIMARY KEY (version, place)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX module_content ON module (content);
    CREATE TABLE deployment (
        id TEXT PRIMARY KEY, script TEXT NOT NULL REFERENCES script ON DELETE CASCADE, created INTEGER NOT NULL,
        document TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deployment_script ON deployment (script);
    CREATE TABLE schedule (
        script TEXT NOT NULL REFERENCES script ON DELETE CASCADE, cron TEXT NOT NULL, created INTEGER NOT NULL,
        ran INTEGER NOT NULL, PRIMARY KEY (script, cron)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE route (
        id TEXT PRIMARY KEY, zone TEXT NOT NULL, pattern TEXT NOT NULL UNIQUE,
        script TEXT REFERENCES script ON DELETE CASCADE, custom_domain INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE resource (
        id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account ON DELETE CASCADE, kind TEXT NOT NULL,
        name TEXT NOT NULL, created INTEGER NOT NULL, document TEXT NOT NULL, UNIQUE (account, kind, name)
    ) STRICT;
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, at INTEGER NOT NULL, token TEXT NOT NULL, action TEXT NOT NULL,
        subject TEXT NOT NULL, status INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX audit_account ON audit (account, id);
", "
    CREATE TABLE queue_consumer (
        id TEXT PRIMARY KEY, queue TEXT NOT NULL UNIQUE REFERENCES resource ON DELETE CASCADE,
        script TEXT REFERENCES script ON DELETE CASCADE, created INTEGER NOT NULL, document TEXT NOT NULL
    ) STRICT;
    CREATE INDEX queue_consumer_script ON queue_consumer (script);
"];
