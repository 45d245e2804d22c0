create table fetches (
    job_id     uuid primary key references jobs,
    account_id uuid not null references accounts,
    claims     int not null default 0,                  -- how often it was taken: fences whoever had it before
    due_at     timestamptz not null default calotype_now() -- from when it may be taken: a lease puts it off
);
create index fetches_due on fetches (due_at);
create index fetches_account on fetches (account_id);
