"""What the payment provider still wants to know of a practitioner, in sentences (FAC-1 to FAC-8).

The provider names a requirement by the field's path (https://docs.stripe.com/connect/handling-api-verification); some
thirty of them come down to the sentences here. One that we do not know is shown in the provider's own words.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

PAYOUTS_WAIT = "Your payouts are blocked until the payment provider has what is missing."
CHARGES_WAIT = "You cannot be paid by your patients until the payment provider has what is missing."
OTHER = "{item} (as the payment provider calls it)"

# From the first to the last, as they stand in the banner. A path is matched from its end; persons of a company
# (`person_1A2b….verification.document`) need the same as an individual.
_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"business_profile\.(url|product_description)", "Your website or a description of what you offer"),
    (r"verification\.additional_document", "A proof of your address"),
    (r"verification\.(proof_of_liveness|document)", "An identity document"),
    (r"(external_account|external_accounts)", "Your bank account"),
    (r"\baddress(\.\w+)?", "Your postal address"),
    (r"\bdob(\.\w+)?", "Your date of birth"),
    (r"(first_name|last_name|name)", "Your name"),
    (r"(id_number|ssn_last_4|tax_id|registration_number)", "Your tax or registration number"),
    (r"(email|phone|support_phone|support_email)", "Your e-mail address and telephone number"),
    (r"(business_profile\.mcc|business_type|company\.structure)", "Your profession and legal form"),
    (r"tos_acceptance(\.\w+)?", "Your consent to the payment provider's terms"),
    (r"settings\.payments\.statement_descriptor", "The name on your patients' bank statements"),
    (r"relationship\.\w+|(owners|directors|executives)_provided", "Who owns and represents your company"),
)
_KNOWN = tuple((re.compile(rf"(.*\.)?{path}"), sentence) for path, sentence in _SENTENCES)

SENTENCES = (PAYOUTS_WAIT, CHARGES_WAIT, OTHER, *(sentence for _, sentence in _SENTENCES))


@dataclass(frozen=True, slots=True)
class Kyc:
    """What an account may do, and what it lacks, in the provider's words. `deadline`: until when it works without."""

    can_charge: bool
    can_payout: bool
    missing: tuple[str, ...] = ()
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """One line of the banner: a msgid, and what stands in its `{item}`."""

    sentence: str
    item: str = ""


def banner(missing: Iterable[str]) -> tuple[Missing, ...]:
    """Return what is missing, each once, in a fixed order; what we do not know comes last, in the provider's words."""
    known: set[str] = set()
    others: dict[str, Missing] = {}
    for item in missing:
        sentence = next((said for path, said in _KNOWN if path.fullmatch(item)), None)
        if sentence is None:
            others[item] = Missing(OTHER, item)
        else:
            known.add(sentence)
    return (*(Missing(sentence) for _, sentence in _SENTENCES if sentence in known), *others.values())


def warnings(kyc: Kyc) -> tuple[str, ...]:
    """Return the msgids of what waits for the missing items."""
    return (*(() if kyc.can_charge else (CHARGES_WAIT,)), *(() if kyc.can_payout else (PAYOUTS_WAIT,)))
