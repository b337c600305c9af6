import pytest

from notify.mail_server import BadServer, MailServer, Security, mail_server


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 587, Security.STARTTLS)),
        ("smtp://mail.example.org:25", MailServer("mail.example.org", 25, Security.STARTTLS)),
        ("smtps://mail.example.org", MailServer("mail.example.org", 465, Security.TLS)),
        (
            "smtps://visio%40example.org:p%3A%2Fss@mail.example.org:4650",
            MailServer("mail.example.org", 4650, Security.TLS, "visio@example.org", "p:/ss"),
        ),
        ("smtp://localhost:25", MailServer("localhost", 25, Security.NONE)),
        ("smtp://u:p@127.0.0.1", MailServer("127.0.0.1", 587, Security.NONE, "u", "p")),
        ("smtp://[::1]:2525", MailServer("::1", 2525, Security.NONE)),
        ("smtp://localhost?tls=yes", MailServer("localhost", 587, Security.STARTTLS)),
        ("smtp://relay.internal:25?tls=no", MailServer("relay.internal", 25, Security.NONE)),
    ],
)
def test_a_url_says_where_letters_are_given_and_how_privately(url: str, expected: MailServer) -> None:
    assert mail_server(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://mail.example.org/inbox",
        "smtp://mail.example.org:port",
        "smtp://mail.example.org:70000",
        "smtp://mail.example.org?tls=perhaps",
        "smtp://mail.example.org?starttls=no",
        "smtp://u:p@mail.example.org?tls=no",
        "smtp://u:p%0d%0aQUIT@mail.example.org",
    ],
)
def test_a_url_that_names_no_safe_server_is_refused(url: str) -> None:
    with pytest.raises(BadServer):
        mail_server(url)


def test_a_password_is_shown_nowhere() -> None:
    assert "hunter2" not in repr(mail_server("smtps://me:hunter2@mail.example.org"))
    with pytest.raises(BadServer) as refused:
        mail_server("smtp://me:hunter2@mail.example.org?tls=no")
    assert "hunter2" not in str(refused.value)
