"""`calotype keys` and `calotype credits`: who may ask, and what they may spend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import click

from calotype.accounts import SCOPES, Accounts, Balance
from calotype.cli.administer import data_option, database_option, json_option, settings_from, show, with_core, worded
from calotype.dialects.base import KeyView, LedgerRow, SpendView
from calotype.errors import InvalidInputError, NotFoundError
from calotype.jobs.kinds import Kind
from calotype.jobs.limits import Window
from calotype.jobs.prices import Price
from calotype.runtime import prices_of

_window_option = click.option(
    "--spend-window",
    "window",
    type=click.Choice([str(window) for window in Window]),
    default="total",
    show_default=True,
    help="What the cap is for: each day or month, which begin at midnight UTC, or all there is.",
)


@click.group()
def keys() -> None:
    """Make, list, cap, switch off and revoke API keys."""


@keys.command("create")
@click.argument("name")
@click.option("--account", help="The account it belongs to, made when missing (default: one of the key's name).")
@click.option(
    "--credits", "granted", type=int, help="Credits to add to the account; without it a new one has no limit."
)
@click.option("--prefix", default="cal_", show_default=True, help="What the key begins with.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(sorted(SCOPES)), help="May be given more than once."
)
@click.option(
    "--expires-in-days", type=click.FloatRange(min=0, max=36_525, min_open=True), help="After how many days it ends."
)
@click.option("--spend-cap", type=int, help="The most credits that it may spend in each window.")
@_window_option
@click.option("--plan", help="The plan that limits it: one of the settings' or built-in ones.")
@data_option
@database_option
@json_option
@worded
def create(
    name: str,
    account: str | None,
    granted: int | None,
    prefix: str,
    scopes: tuple[str, ...],
    expires_in_days: float | None,
    spend_cap: int | None,
    window: str,
    plan: str | None,
    data: Path | None,
    database_url: str | None,
    as_json: bool,
) -> None:
    """Make a key called NAME. The key itself is shown this once."""
    made = with_core(
        settings_from(data, database_url),
        lambda parts: parts.accounts.create_key(
            name,
            account=account,
            credits_granted=granted,
            prefix=prefix,
            scopes=scopes or ("submit", "read"),
            expires_at=parts.clock.now() + timedelta(days=expires_in_days) if expires_in_days else None,
            plan=plan,
            cap=spend_cap,
            window=Window(window),
        ),
    )
    show(asdict(made), as_json=as_json, lines=lambda: [made.key])


@keys.command("ls")
@click.option("--account", help="Only this account's.")
@data_option
@database_option
@json_option
@worded
def list_keys(account: str | None, data: Path | None, database_url: str | None, as_json: bool) -> None:
    """List keys, without their secrets."""
    settings = settings_from(data, database_url)
    found = with_core(settings, lambda parts: _keys_of(parts.accounts, account))
    show(
        [asdict(key) for key in found],
        as_json=as_json,
        lines=lambda: (
            [f"{key.id}  {key.hint:<14} {key.state:<11} {key.name}{_spend(key.spend, ' · ')}" for key in found]
            or ["No keys yet."]
        ),
    )


async def _keys_of(accounts: Accounts, account: str | None) -> list[KeyView]:
    account_id = None if account is None else (await accounts.balance(account)).account_id
    return await accounts.list_keys(account_id)


@keys.command("revoke")
@click.argument("key_id")
@data_option
@database_option
@worded
def revoke(key_id: str, data: Path | None, database_url: str | None) -> None:
    """Revoke a key by its id: no request succeeds with it any more; running jobs go on."""
    wanted = _id_of(key_id)
    with_core(settings_from(data, database_url), lambda parts: parts.accounts.revoke_key(wanted))
    click.echo(f"Revoked {wanted}.", err=True)


@keys.command("deactivate")
@click.argument("key_id")
@data_option
@database_option
@worded
def deactivate(key_id: str, data: Path | None, database_url: str | None) -> None:
    """Switch a key off by its id, until it is reactivated; running jobs go on."""
    wanted = _id_of(key_id)
    with_core(settings_from(data, database_url), lambda parts: parts.accounts.deactivate_key(wanted))
    click.echo(f"Deactivated {wanted}.", err=True)


@keys.command("reactivate")
@click.argument("key_id")
@data_option
@database_option
@worded
def reactivate(key_id: str, data: Path | None, database_url: str | None) -> None:
    """Switch a deactivated key on again."""
    wanted = _id_of(key_id)
    with_core(settings_from(data, database_url), lambda parts: parts.accounts.reactivate_key(wanted))
    click.echo(f"Reactivated {wanted}.", err=True)


@keys.command("cap")
@click.argument("key_id")
@click.argument("amount")
@_window_option
@data_option
@database_option
@worded
def cap_key(key_id: str, amount: str, window: str, data: Path | None, database_url: str | None) -> None:
    """Let a key spend AMOUNT credits in each window, counted from now on; AMOUNT `none` takes the cap away."""
    wanted, cap = _id_of(key_id), _cap_of(amount)
    with_core(settings_from(data, database_url), lambda parts: parts.accounts.cap_key(wanted, cap, Window(window)))
    click.echo(f"{wanted}: {_cap_words(cap, window)}.", err=True)


def _id_of(key_id: str) -> UUID:
    try:
        return UUID(key_id)
    except ValueError:
        raise NotFoundError("key") from None


def _cap_of(amount: str) -> int | None:
    if amount == "none":
        return None
    try:
        return int(amount)
    except ValueError:
        raise InvalidInputError.at("/spend_cap", "range", "must be a whole number, or none") from None


def _cap_words(cap: int | None, window: str) -> str:
    return "no cap" if cap is None else f"at most {cap} credits {'in all' if window == 'total' else f'a {window}'}"


def _spend(spend: SpendView, before: str = "") -> str:
    """Return what a cap says; nothing where there is none."""
    return "" if spend.cap is None else f"{before}{spend.spent} spent of {_cap_words(spend.cap, spend.window)}"


@click.group("credits")
def credits_group() -> None:
    """Give credits, look at balances and ledgers, set what an account is held to."""


@credits_group.command("grant")
@click.argument("account")
@click.argument("amount", type=int)
@click.option("--note", default="grant", help="Why, for the ledger.")
@data_option
@database_option
@json_option
@worded
def grant(account: str, amount: int, note: str, data: Path | None, database_url: str | None, as_json: bool) -> None:
    """Give AMOUNT credits to ACCOUNT, by its name or id."""
    after = with_core(settings_from(data, database_url), lambda parts: parts.accounts.grant(account, amount, note))
    show(asdict(after), as_json=as_json, lines=lambda: [f"{after.name}: {after.balance} credits"])


@credits_group.command("balance")
@click.argument("account")
@data_option
@database_option
@json_option
@worded
def balance(account: str, data: Path | None, database_url: str | None, as_json: bool) -> None:
    """Show what ACCOUNT has, by its name or id, what limits it, and what the kinds cost here."""
    settings = settings_from(data, database_url)
    found = with_core(settings, lambda parts: parts.accounts.balance(account))
    prices = {str(kind): prices_of(settings).of(kind, "") for kind in Kind}
    facts = asdict(found) | {"prices": {kind: asdict(price) for kind, price in prices.items()}}
    show(facts, as_json=as_json, lines=lambda: _balance_lines(found, prices))


def _balance_lines(found: Balance, prices: Mapping[str, Price]) -> list[str]:
    limit = "no limit" if found.floor is None else f"never below {found.floor}"
    lines = [f"{found.name}: {found.balance} credits ({limit})", f"plan: {found.plan}", _spend(found.spend, "cap: ")]
    lines += [f"jobs waiting: at most {found.max_waiting}" if found.max_waiting is not None else ""]
    lines += [f"jobs running: at most {found.max_running}" if found.max_running is not None else ""]
    lines += [f"{kind}: {price.credits} for each {price.unit}" for kind, price in prices.items()]
    return [line for line in lines if line]


@credits_group.command("history")
@click.argument("account")
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True, help="How many rows.")
@click.option("--before", type=int, help="Only rows older than the one of this number.")
@data_option
@database_option
@json_option
@worded
def history(
    account: str, limit: int, before: int | None, data: Path | None, database_url: str | None, as_json: bool
) -> None:
    """List ACCOUNT's ledger, newest row first: number, moment, entry, amount, what it did to the balance, job or note."""
    settings = settings_from(data, database_url)
    rows = with_core(settings, lambda parts: parts.accounts.history(account, limit, before))
    show([asdict(row) for row in rows], as_json=as_json, lines=lambda: [_ledger_line(row) for row in rows])


def _ledger_line(row: LedgerRow) -> str:
    about = row.job_id or row.note or ""
    return f"{row.number:>8}  {row.at:%Y-%m-%d %H:%M:%S}  {row.entry:<7} {row.amount:>8} {row.effect:>+9}  {about}"


@credits_group.command("cap")
@click.argument("account")
@click.argument("amount")
@_window_option
@data_option
@database_option
@worded
def cap_account(account: str, amount: str, window: str, data: Path | None, database_url: str | None) -> None:
    """Let ACCOUNT spend AMOUNT credits in each window, counted from now on; AMOUNT `none` takes the cap away."""
    cap = _cap_of(amount)
    settings = settings_from(data, database_url)
    with_core(settings, lambda parts: parts.accounts.cap_account(account, cap, Window(window)))
    click.echo(f"{account}: {_cap_words(cap, window)}.", err=True)


@credits_group.command("limit")
@click.argument("account")
@click.option("--plan", help="The plan that limits it; unlimited and metered limit nothing.")
@click.option("--max-waiting", type=click.IntRange(0), help="How many jobs may wait; 0 = no limit but the plan's.")
@click.option("--max-running", type=click.IntRange(0), help="How many jobs run at once; 0 = no limit but the plan's.")
@data_option
@database_option
@worded
def limit_account(
    account: str,
    plan: str | None,
    max_waiting: int | None,
    max_running: int | None,
    data: Path | None,
    database_url: str | None,
) -> None:
    """Set what ACCOUNT is held to; what is not given stays as it is."""
    settings = settings_from(data, database_url)
    with_core(
        settings,
        lambda parts: parts.accounts.limit_account(
            account, plan=plan, max_waiting=max_waiting, max_running=max_running
        ),
    )
    click.echo(f"{account}: set.", err=True)
