BEGIN TRANSACTION;
CREATE TABLE epochs (
	id INTEGER NOT NULL,
	last BIGINT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "epochs" VALUES(1,1795489925);
CREATE TABLE events (
	run TEXT NOT NULL,
	seq INTEGER NOT NULL,
	at TEXT NOT NULL,
	kind TEXT NOT NULL,
	step TEXT,
	data TEXT NOT NULL,
	PRIMARY KEY (run, seq),
	FOREIGN KEY(run) REFERENCES runs (id)
)
 WITHOUT ROWID
;
INSERT INTO "events" VALUES('20261124-0312-spam-filter-hung-a3f',1,'2026-11-24T03:12:05.123456+00:00','begun',NULL,'{}');
INSERT INTO "events" VALUES('20261124-0312-spam-filter-hung-a3f',2,'2026-11-24T03:12:06.123456+00:00','intent','bypass','{"before":{"a":"b"}}');
CREATE TABLE leases (
	scope TEXT NOT NULL,
	run TEXT NOT NULL,
	epoch BIGINT NOT NULL,
	holder TEXT NOT NULL,
	until TEXT NOT NULL,
	PRIMARY KEY (scope)
)
 WITHOUT ROWID
;
INSERT INTO "leases" VALUES('mx1','20261124-0312-spam-filter-hung-a3f',1795489925,'{"host": "controller.example.net", "machine": "f0e1d2c3b4a5968778695a4b3c2d1e0f", "boot": "00000000-0000-4000-8000-000000000001", "namespace": "pid:[1]", "pid": 4242, "started": 99}','2026-11-24T04:12:05.123456+00:00');
CREATE TABLE meta (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema','1');
INSERT INTO "meta" VALUES('by','0.1.0');
CREATE TABLE pauses (
	host TEXT NOT NULL,
	"by" TEXT NOT NULL,
	reason TEXT NOT NULL,
	since TEXT NOT NULL,
	until TEXT NOT NULL,
	PRIMARY KEY (host)
);
INSERT INTO "pauses" VALUES('mx2','ben','kernel','2026-11-24T03:12:05.123456+00:00','2026-11-24T05:12:05.123456+00:00');
CREATE TABLE runs (
	id TEXT NOT NULL,
	opened TEXT NOT NULL,
	"by" TEXT NOT NULL,
	reason TEXT NOT NULL,
	"plan" TEXT NOT NULL,
	"key" TEXT,
	PRIMARY KEY (id),
	UNIQUE ("key")
);
INSERT INTO "runs" VALUES('20261124-0312-spam-filter-hung-a3f','2026-11-24T03:12:05.123456+00:00','ann','späm','{"playbook":"spam-filter-hung","summary":"take the filter out","steps":[{"id":"bypass","action":"spam.bypass","kind":"state","certainty":"exact","says":"take the filter out","host":"mx1","domain":null,"args":{"expires":"4h"},"how":{},"before":{"a":"b"},"want":{"a":""},"observed":{},"diff":[],"undo":"none","undoable":false,"guards":[{"type":"Predicate","signal":"spam.scan","host":"mx1","is_":"fail","above":null,"below":null,"age_above":null,"samples":3,"lasting":0.0}],"requires":[],"when":null,"verify":[],"no_verify":null,"notes":[],"on_failure":"pause","risk":"none","repeat_safe":false,"on_the_way":{},"eta_s":1.0,"limit_s":60.0,"expires_s":null}],"params":{"sick":"mx1"},"preconditions":[],"limits":{"deadline":2700,"cooldown":3600.0,"max_runs":2,"per":86400.0},"warnings":[],"not_fixed":[],"not_changed":[],"failback":"ask","failback_when":[],"format":1}','incident-1');
CREATE INDEX ix_runs_opened ON runs (opened);
COMMIT;
