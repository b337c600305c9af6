"""Seconds become money: meter, tariff, holds, payments, ledger."""
