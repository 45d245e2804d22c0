create table endpoints (
    id               uuid primary key,
    account_id       uuid not null references accounts,
    face             text not null default 'native', -- whose words and signature it gets
    url              text not null,
    description      text not null default '',
    events           text[] not null default '{}',   -- none: the ones that end a job
    is_enabled       boolean not null default true,
    disabled_because text,                           -- what disabled it, when its owner did not
    created_at       timestamptz not null default calotype_now(),
    updated_at       timestamptz not null default calotype_now(),
    deleted_at       timestamptz
);
create index endpoints_account on endpoints (account_id) where deleted_at is null;

-- a webhook secret belongs to an endpoint, or to an account: that one signs what single jobs asked for
alter table secrets add column owner_id uuid, add column retires_at timestamptz;
create index secrets_owner on secrets (owner_id) where owner_id is not null;

-- how each receiver has been answering: an endpoint by its id, else an account and the place its job's URL names
create table receivers (
    name          text primary key,
    failures      int not null default 0,             -- in a row
    is_proven     boolean not null default false,     -- it has taken something once
    failing_since timestamptz,
    paused_until  timestamptz,
    updated_at    timestamptz not null default calotype_now()
);

alter table outbox
    alter column job_id drop not null,                -- a test tells of no job
    alter column seq drop not null,
    add column endpoint_id uuid references endpoints, -- null: the job's own webhook
    add column face text not null default 'native',
    add column receiver text not null default '',
    add column lease_id uuid,                         -- of the try that is under way; due_at is then when it counts as lost
    add column round_at timestamptz not null default calotype_now(), -- since when its plan runs: a replay begins anew
    add column replays int not null default 0,
    add column ended_at timestamptz,
    add column reason text;                           -- why it is dead
update outbox set receiver = account_id || ' ' || coalesce(substring(url from '^[^:]+://[^/?#]+'), url), round_at = created_at;

drop index outbox_due;
create index outbox_due on outbox (receiver, due_at) where state = 'waiting';
create index outbox_under_way on outbox (receiver) where lease_id is not null;
create index outbox_account on outbox (account_id, created_at, id);
create unique index outbox_once on outbox (seq, coalesce(endpoint_id, '00000000-0000-0000-0000-000000000000'));

create table tries (
    id          bigint primary key generated always as identity,
    delivery_id uuid not null references outbox,
    at          timestamptz not null,
    took        real not null,                        -- seconds
    status      int,                                  -- null: no answer
    problem     text,
    answer      text not null default ''              -- the beginning of it
);
create index tries_delivery on tries (delivery_id, id);

alter table jobs add column webhook_fate text check (webhook_fate in ('delivered', 'failed'));
