"""What the provider's requirements come down to."""

import pytest

from billing.kyc import CHARGES_WAIT, OTHER, PAYOUTS_WAIT, Kyc, Missing, banner, warnings

WEBSITE = Missing("Your website or a description of what you offer")
IDENTITY = Missing("An identity document")
ADDRESS = Missing("A proof of your address")
BANK = Missing("Your bank account")


def test_fac_3_exactly_what_is_missing_is_listed_once_and_in_one_order():
    items = [
        "individual.verification.document",
        "external_account",
        "individual.verification.additional_document",
        "business_profile.product_description",
        "business_profile.url",
    ]
    assert banner(items) == banner(reversed(items)) == (WEBSITE, ADDRESS, IDENTITY, BANK)


def test_nothing_missing_is_an_empty_banner():
    assert banner([]) == ()


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ("individual.dob.day", "Your date of birth"),
        ("individual.address.postal_code", "Your postal address"),
        ("company.address.line1", "Your postal address"),
        ("person_1AbC.first_name", "Your name"),
        ("person_1AbC.verification.document", "An identity document"),
        ("individual.email", "Your e-mail address and telephone number"),
        ("tos_acceptance.ip", "Your consent to the payment provider's terms"),
        ("business_profile.mcc", "Your profession and legal form"),
        ("individual.id_number", "Your tax or registration number"),
        ("representative.relationship.executive", "Who owns and represents your company"),
    ],
)
def test_a_requirement_is_said_in_a_sentence(item: str, sentence: str):
    assert banner([item]) == (Missing(sentence),)


def test_what_we_do_not_know_stands_last_in_the_providers_words():
    assert banner(["interv_1.qes_signature", "external_account"]) == (BANK, Missing(OTHER, "interv_1.qes_signature"))


def test_fac_4_the_banner_says_that_payouts_wait():
    assert warnings(Kyc(can_charge=True, can_payout=False)) == (PAYOUTS_WAIT,)
    assert warnings(Kyc(can_charge=False, can_payout=False)) == (CHARGES_WAIT, PAYOUTS_WAIT)
    assert warnings(Kyc(can_charge=True, can_payout=True)) == ()
