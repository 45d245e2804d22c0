-- The core: accounts, jobs, their event log, money, assets, outbox, workers, lanes.

create function calotype_now() returns timestamptz language sql stable parallel safe as $$
    -- the offset is zero outside tests: a fake clock sets it
    select clock_timestamp() + coalesce(nullif(current_setting('calotype.clock_offset', true), ''), '0')::interval
$$;

create table accounts (
    id          uuid primary key,
    name        text not null unique,
    plan        text not null default 'unlimited',
    balance     bigint not null default 0,
    floor       bigint,                              -- null: no limit
    weight      int not null default 1 check (weight between 1 and 1000),
    max_running int,
    active      boolean not null default true,
    created_at  timestamptz not null default clock_timestamp(),
    constraint balance_above_floor check (floor is null or balance >= floor)
);

create table users (
    id         uuid primary key,
    account_id uuid not null references accounts,
    email      text not null,
    role       text not null default 'owner' check (role in ('owner', 'admin', 'member')),
    active     boolean not null default true,
    created_at timestamptz not null default clock_timestamp(),
    unique (account_id, email)
);

create table keys (
    id         uuid primary key,
    account_id uuid not null references accounts,
    user_id    uuid not null references users,
    name       text not null,
    hash       bytea not null unique,                -- SHA-256 of the whole key
    hint       text not null,                        -- prefix and last four characters
    scopes     text[] not null default '{submit,read}',
    state      text not null default 'active' check (state in ('active', 'deactivated', 'revoked')),
    spend_cap  bigint,
    expires_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz
);
create index keys_account on keys (account_id, created_at);

create table secrets (
    name       text primary key,
    value      bytea not null,
    created_at timestamptz not null default clock_timestamp()
);

create table lanes (
    id           int primary key generated always as identity,
    model        text not null unique,
    epoch        bigint not null default 0,
    virtual_time bigint not null default 0
);

create table fair_shares (
    account_id uuid not null references accounts,
    lane_id    int not null references lanes,
    start      bigint not null default 0,            -- the tags of the job submitted last
    finish     bigint not null default 0,
    primary key (account_id, lane_id)
);

create table models (
    id         text primary key,
    card       jsonb not null,
    enabled    boolean not null default true,
    updated_at timestamptz not null default clock_timestamp()
);

create table workers (
    id         uuid primary key,
    lock_key   int not null generated always as identity unique, -- of the session advisory lock it holds while alive
    host       text not null,
    pid        int not null,
    device     text not null,
    models     text[] not null default '{}',
    draining   boolean not null default false,
    started_at timestamptz not null default clock_timestamp(),
    missed_at  timestamptz                            -- when upkeep first saw its lock free
);

create table jobs (
    id                uuid primary key,
    number            bigint not null generated always as identity unique,
    account_id        uuid not null references accounts,
    user_id           uuid not null references users,
    key_id            uuid not null references keys,
    face              text not null,
    kind              text not null,
    model             text not null,
    requested_model   text not null,
    lane_id           int not null references lanes,
    input             jsonb not null,
    tags              jsonb not null default '{}',
    state             text not null,
    attempt           int not null default 0 check (attempt >= 0),
    max_attempts      int not null,
    price             bigint not null check (price >= 0),
    percent           real not null default 0,
    done              int not null default 0,
    total             int not null default 0,
    phase             text,
    version           int not null default 1,
    tag               bigint not null default 0,      -- fair-share start tag inside the lane
    cost              int not null default 1,
    worker_id         uuid,
    lease_until       timestamptz,
    retry_at          timestamptz,
    deadline_at       timestamptz not null,
    start_deadline_at timestamptz,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    queued_at         timestamptz,
    started_at        timestamptz,
    finished_at       timestamptz,
    expires_at        timestamptz,
    erased_at         timestamptz,
    error_code        text,
    error_message     text,
    error_retryable   boolean,
    preview_key       text,
    load_ms           int,
    webhook           jsonb,
    trace             text,
    retry_of          uuid,
    idempotency_route text not null default '',
    idempotency_key   text,
    digest            bytea
);
create unique index jobs_idempotency on jobs (account_id, idempotency_route, idempotency_key) where idempotency_key is not null;
create index jobs_account on jobs (account_id, number desc);
create index jobs_queued on jobs (lane_id, queued_at) where state = 'queued';
create index jobs_place on jobs (lane_id, tag, number) where state = 'queued';
create index jobs_held on jobs (lease_until) where state in ('running', 'cancelling');
create index jobs_worker on jobs (worker_id) where state in ('running', 'cancelling');
create index jobs_retrying on jobs (retry_at) where state = 'retrying';
create index jobs_deadline on jobs (deadline_at) where state in ('created', 'queued', 'running', 'retrying', 'cancelling');
create index jobs_start_deadline on jobs (start_deadline_at) where start_deadline_at is not null and started_at is null;
create index jobs_finished on jobs (finished_at) where finished_at is not null;

create table job_events (
    seq        bigint primary key generated always as identity,
    xid        xid8 not null default pg_current_xact_id(),
    job_id     uuid not null references jobs,
    account_id uuid not null,
    event      text not null,
    state      text not null,
    attempt    int not null,
    version    int not null,
    data       jsonb not null default '{}',
    at         timestamptz not null default calotype_now()
);
create index job_events_job on job_events (job_id, seq);
create index job_events_account on job_events (account_id, xid, seq);

create table ledger (
    id         bigint primary key generated always as identity,
    account_id uuid not null references accounts,
    job_id     uuid references jobs,
    hold_id    uuid,                                  -- ties a capture or refund to its hold
    entry      text not null check (entry in ('grant', 'hold', 'capture', 'refund')),
    amount     bigint not null check (amount >= 0),   -- credits
    effect     bigint not null,                       -- on the balance
    note       text,
    at         timestamptz not null default calotype_now(),
    check ((entry = 'grant') = (hold_id is null)),
    check (effect = case entry when 'hold' then -amount when 'capture' then 0 else amount end)
);
create unique index ledger_hold on ledger (hold_id) where entry = 'hold';
create unique index ledger_settled_once on ledger (hold_id) where entry in ('capture', 'refund');
create index ledger_job on ledger (job_id) where job_id is not null;
create index ledger_account on ledger (account_id, id);

create table assets (
    id            uuid primary key,
    account_id    uuid not null references accounts,
    job_id        uuid references jobs,
    ordinal       int not null default 0,
    role          text not null check (role in ('input', 'output')),
    key           text not null unique,
    thumbnail_key text,
    media_type    text not null,
    extension     text not null,
    bytes         bigint not null,
    sha256        text not null,
    width         int,
    height        int,
    duration      real,
    provenance    jsonb not null default '{}',
    created_at    timestamptz not null default calotype_now(),
    expires_at    timestamptz not null,
    purged_at     timestamptz
);
create index assets_job on assets (job_id, ordinal) where job_id is not null;
create index assets_account on assets (account_id, created_at);
create index assets_expiry on assets (expires_at) where purged_at is null;

create table outbox (
    id         uuid primary key,                      -- the delivery's id, the same at every try
    account_id uuid not null references accounts,
    job_id     uuid not null references jobs,
    seq        bigint not null references job_events, -- the event it tells of
    event      text not null,
    url        text not null,
    body       jsonb not null,                        -- the facts of its own body, as they were then
    tries      int not null default 0,
    due_at     timestamptz not null default calotype_now(),
    state      text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
    created_at timestamptz not null default calotype_now()
);
create index outbox_due on outbox (due_at) where state = 'waiting';
create index outbox_job on outbox (job_id);

-- Kept equal to jobs/states.py by a test.
alter table jobs add constraint state_is_known check (
    state in ('created', 'queued', 'running', 'retrying', 'cancelling', 'succeeded', 'failed', 'cancelled', 'expired')
);
alter table jobs add constraint lease_while_held check (
    (state in ('running', 'cancelling')) = (worker_id is not null) and (worker_id is null) = (lease_until is null)
);
alter table jobs add constraint finished_when_terminal check (
    (state in ('succeeded', 'failed', 'cancelled', 'expired')) = (finished_at is not null)
);
