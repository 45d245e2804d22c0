"""`calotype keys` and `calotype credits`: who may ask, and what they may spend."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import click

from calotype.accounts import SCOPES, Accounts
from calotype.cli.administer import data_option, database_option, json_option, settings_from, show, with_core, worded
from calotype.dialects.base import KeyView
from calotype.errors import NotFoundError


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


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
        lines=lambda: [f"{key.id}  {key.hint:<14} {key.state:<11} {key.name}" for key in found] or ["No keys yet."],
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
    try:
        wanted = UUID(key_id)
    except ValueError:
        raise NotFoundError("key") from None
    with_core(settings_from(data, database_url), lambda parts: parts.accounts.revoke_key(wanted))
    click.echo(f"Revoked {wanted}.", err=True)


@click.group("credits")
def credits_group() -> None:
    """Give credits and look at balances."""


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
    """Show what ACCOUNT has, by its name or id."""
    found = with_core(settings_from(data, database_url), lambda parts: parts.accounts.balance(account))
    limit = "no limit" if found.floor is None else f"never below {found.floor}"
    show(asdict(found), as_json=as_json, lines=lambda: [f"{found.name}: {found.balance} credits ({limit})"])
