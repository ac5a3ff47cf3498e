"""Who writes to the demo workspace, and what."""

from dataclasses import dataclass

from messaging.channels.base import Outcome, Verdict
from messaging.models import ContactStatus


@dataclass(frozen=True)
class Person:
    """Who writes what: `lines` are theirs, those that begin with `> ` are the owner's answers.

    `ago` is in hours, before now.
    """

    username: str
    name: str
    ago: float
    lines: tuple[str, ...]
    email: str = ""
    phone: str = ""
    language: str = "en"
    status: ContactStatus = ContactStatus.ACTIVE
    reads: bool = True


PEOPLE = [
    Person("marco.bianchi", "Marco Bianchi", 310, ("Ciao! Fate anche foto per passaporti?",
           "> Ciao Marco, sì, senza appuntamento.", "Perfetto, passo domani"),
           "marco@example.com", "+390212345678", "it"),
    Person("hannah_w", "Hannah Weiss", 262, ("Hello! Do you shoot weddings in October?",
           "> We do. Which date is it?", "The 17th, in Como", "> Still free, I reserve it."),
           "hannah@example.org", "+4915112345678", "de"),
    Person("ottos.bakery", "Otto's Bakery", 215, ("Hi, can I see your prices?", "Thank you!"),
           "hello@ottos.example"),
    Person("lea.martin", "Léa Martin", 170, ("Bonjour, c'est ouvert samedi ? opening hours?",
           "Merci 🙏"), language="fr"),
    Person("sam.ok", "Sam Okafor", 130, ("hey", "how much is a portrait? prices please",
           "> Portraits start at 89, and you keep all pictures.", "Great, booking one"),
           "sam@example.com", "+12025550143"),
    Person("win.big.now", "", 101, ("You have WON!!! click now", "click now", "CLICK NOW"),
           status=ContactStatus.BLOCKED, reads=False),
    Person("nadia.p", "Nadia Petrova", 77, ("Hello, where are you exactly?",
           "> Via Roma 12, second floor.", "Found it 😊"), "nadia@example.net"),
    Person("kenji_t", "Kenji Tanaka", 50, ("prices",), language="ja"),
    Person("aisha.designs", "Aisha Rahman", 27, ("Hi! Do you rent the studio?",
           "> By the hour, yes: 40 an hour with lights.", "opening hours?"),
           "aisha@example.com", "+442079460958"),
    Person("tom.and.jo", "Tom & Jo", 8, ("Good morning, is the summer sale still on?",),
           reads=False),
    Person("grace.l", "Grace Lindqvist", 3, ("prices?", "And do you print as well?"),
           "grace@example.se", language="sv", reads=False),
    Person("diego.r", "Diego Ruiz", 0.4, ("Hola! opening hours please",), language="es",
           reads=False),
]  # fmt: skip
# What becomes of the answers on the channel that shows what goes wrong.
REFUSED = Verdict(
    Outcome.REFUSED,
    code="outside_window",
    message="This person has not written within the last 24 hours; wait for a message.",
)
BUSY = Verdict(
    Outcome.BUSY,
    code="rate_limited",
    message="The account has reached its limit of calls.",
    provider_code="613",
    retryable=True,
)
ON_INSTAGRAM = [
    (Person("9100000000001", "Giulia Conti", 60, ("prices",), language="it"), REFUSED),
    (Person("9100000000002", "Ben Carter", 20, ("Hello!",)), Verdict(Outcome.UNKNOWN)),
    (Person("9100000000003", "Ines Duarte", 2, ("opening hours",), language="pt"), BUSY),
]
