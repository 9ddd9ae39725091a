"""The first sample document: twelve pages with roman front matter, a drawn diagram, a scan and a blank page."""

from __future__ import annotations

from typing import Any

from bot.demo.samples import figures
from bot.demo.samples.drawing import GRAY, HEIGHT, LEFT, PALE, RIGHT, WHITE, WIDTH, Color, Sheet, Style, outlined
from bot.demo.samples.scan import scanned_note

NAME = "harbour-gateway-handbook.pdf"
TITLE = "Harbour Gateway Handbook"
NAVY: Color = (0.07, 0.27, 0.42)
STYLE = Style("Harbour Gateway Handbook · Skerry Point", NAVY)


def draw() -> Any:
    """Return the open document, with pages labeled i, ii, 1 to 10."""
    import pymupdf

    document = pymupdf.open()
    for page in (
        _cover,
        _preface,
        _purpose,
        _journey,
        _relays,
        _starting,
        _alarms,
        _scan,
        _blank,
        _storm,
        _signs,
        _terms,
    ):
        page(document)
    document.set_page_labels(
        [
            {"startpage": 0, "prefix": "", "style": "r", "firstpagenum": 1},
            {"startpage": 2, "prefix": "", "style": "D", "firstpagenum": 1},
        ]
    )
    return document


def _cover(document: Any) -> None:
    sheet = Sheet(document, STYLE, head=False)
    sheet.box((0, 0), (WIDTH, 470), NAVY, None)
    sheet.circle((430, 160), 54, (0.98, 0.87, 0.55))
    for row in range(7):
        y = 342 + row * 19
        points = [(x, y + (6 if (x // 35 + row) % 2 else -6)) for x in range(-35, 640, 35)]
        sheet.page.draw_polyline(points, color=figures.SEA, width=2.2 - row * 0.22)
    sheet.box((92, 200), (104, 338), WHITE, None)
    sheet.polygon([(78, 200), (118, 200), (98, 164)], WHITE)
    sheet.polygon([(86, 338), (110, 338), (122, 354), (74, 354)], WHITE)
    sheet.write((LEFT, 536), "Harbour Gateway", "hebo", 34, NAVY)
    sheet.write((LEFT, 574), "Handbook", "hebo", 34, NAVY)
    sheet.write((LEFT, 606), "For the watch room and the quay crew of Skerry Point", "helv", 12.5, GRAY)
    sheet.left, sheet.right, sheet.y = LEFT, 470, 648
    sheet.paragraph(
        "How readings from the piers reach the office, what to do when they stop, and who to wake. Third edition, "
        "autumn. Keep one copy at the desk and one in the crane shed; tear out nothing, write in the margins."
    )


def _preface(document: Any) -> None:
    sheet = Sheet(document, STYLE, "ii")
    sheet.heading("About this handbook")
    sheet.paragraph(
        "Skerry Point is an invented harbour with three piers, eleven instruments and a crew of nine. Everything in "
        "this book was made up so that a search can be tried on it, but it is written the way such books are "
        "written: by people who had to explain the same thing twice at three in the morning and would rather not do "
        "so again."
    )
    sheet.paragraph(
        "Read chapters 1 and 2 once, when you join. Keep chapter 4 open when you start the gateway after a power "
        "cut. Chapter 5 says who answers which alarm, and chapter 6 what changes when the storm flag is up. If the "
        "book and the machine disagree, believe the machine, then correct the book and put your initials beside the "
        "change."
    )
    sheet.subheading("What is where")
    for chapter, page in (
        ("1  What the gateway is for", "1"),
        ("2  How a reading travels", "2"),
        ("3  The relays", "3"),
        ("4  Starting the gateway", "4"),
        ("5  Alarms and who answers them", "5"),
        ("Shift note kept for training", "6"),
        ("6  Storm watch", "8"),
        ("7  Deck signs", "9"),
        ("8  Words and people", "10"),
    ):
        sheet.write((LEFT, sheet.y), chapter, "tiro", 11.5)
        sheet.write((RIGHT - sheet.length(page, "tiro", 11.5), sheet.y), page, "tiro", 11.5)
        sheet.line((LEFT, sheet.y + 5), (RIGHT, sheet.y + 5), PALE, 0.8)
        sheet.y += 22


def _purpose(document: Any) -> None:
    sheet = Sheet(document, STYLE, "1")
    sheet.heading("1  What the gateway is for")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.paragraph(
        "The gateway collects water level, wind and swell from the instruments on the piers and hands them to the "
        "harbour office within a minute. Pilots look at these figures before they bring a ship through the narrows, "
        "so a late reading is worse than a missing one: a missing reading is seen, a late one is believed."
    )
    sheet.paragraph(
        "Every reading carries the time at which it was taken, not the time at which it arrived. The gateway never "
        "corrects a value. It may refuse one, and it says why in the day book, but it does not smooth, fill or "
        "guess. Whoever wants a smooth curve draws it in the office, on a copy."
    )
    sheet.subheading("Three promises")
    sheet.numbered(
        [
            "A reading that was acknowledged is on two disks, one of them ashore.",
            "A reading older than ten minutes is shown in grey and cannot be used for a passage plan.",
            "If the office cannot be reached, nothing is thrown away for forty days.",
        ]
    )
    sheet.column(1, top=top)
    sheet.paragraph(
        "The gateway is small on purpose. It runs on one machine in the watch room with a second one beside it that "
        "is switched off. There is no cluster, no failover and no remote control from the mainland. When the machine "
        "dies, a person carries the disk to the spare and presses one button; the drill takes four minutes and is "
        "done on the first Monday of every month."
    )
    sheet.subheading("What it is not for")
    sheet.paragraph(
        "It does not steer anything. The lock gates, the crane and the lights have panels of their own and will keep "
        "them. It sends no messages to ships. It knows nothing of berths, fees or customs. Requests to add these "
        "things arrive every spring and are answered with this paragraph."
    )


def _journey(document: Any) -> None:
    import pymupdf

    sheet = Sheet(document, STYLE, "2")
    sheet.heading("2  How a reading travels")
    sheet.paragraph(
        "An instrument wakes every thirty seconds, measures, and sends twice, four seconds apart, because a passing "
        "hull can swallow one message but rarely two. What happens next is drawn below. Follow the arrows from left "
        "to right; the lower path is taken only when the shore line is down."
    )
    scratch = pymupdf.open()
    figures.diagram(Sheet(scratch, STYLE, head=False), NAVY)
    drawn = outlined(scratch)
    top, height = sheet.y, 292.0
    clip = pymupdf.Rect(LEFT, 0, RIGHT, height)
    sheet.page.show_pdf_page(pymupdf.Rect(LEFT, top, RIGHT, top + height), drawn, 0, clip=clip)
    sheet.y = top + height + 18
    sheet.caption("Figure 1. The stations on the way, as they are wired since the rebuilding of the north pier.")
    below = sheet.y
    sheet.column(0, top=below)
    sheet.paragraph(
        "Each station keeps what it received until the next one confirms it. Confirmations travel backwards along "
        "the same path. A station that hears nothing for ninety seconds tries again, and goes on trying with longer "
        "and longer pauses, up to a quarter of an hour."
    )
    sheet.column(1, top=below)
    sheet.paragraph(
        "Nobody needs to watch this. A growing backlog shows as an orange number on the desk panel; when it passes "
        "two thousand, alarm B4 rings and chapter 5 applies. After a long outage the oldest readings go first, so "
        "the office sees the past catch up before the present."
    )


def _relays(document: Any) -> None:
    sheet = Sheet(document, STYLE, "3")
    sheet.heading("3  The relays")
    sheet.paragraph(
        "Six relays stand between the instruments and the watch room. They are grey boxes the size of a loaf, bolted "
        "at head height, with a lamp below that blinks once for every message passed on. Table 1 says what is in "
        "each of them. The reach was measured on a dry day with the gates open; take off a third in fog."
    )
    sheet.caption("Table 1. Relays, their channels, and what they can do.")
    sheet.table(
        ["Relay", "Channel", "Height (m)", "Reach (m)", "Battery (h)", "Fitted"],
        [
            ["Crane Nine", "11", "14.5", "820", "72", "2023"],
            ["Salt Stair", "12", "6.2", "410", "48", "2021"],
            ["Net Loft", "14", "9.8", "640", "96", "2024"],
            ["Old Customs", "15", "11.0", "700", "36", "2019"],
            ["North Mole", "17", "7.4", "1150", "120", "2025"],
            ["Ferry Ramp", "18", "5.1", "380", "48", "2022"],
        ],
        [0.22, 0.14, 0.16, 0.16, 0.17, 0.15],
    )
    top = sheet.y + 4
    sheet.column(0, top=top)
    sheet.subheading("Choosing a channel")
    sheet.paragraph(
        "Neighbours must differ by two at least. Thirteen and sixteen stay free: the first is used by the dredger, "
        "the second by the rescue boat, and neither asks before it transmits. When you move a relay, write the new "
        "channel on the lid with a paint pen before you climb down."
    )
    sheet.column(1, top=top)
    sheet.subheading("Changing a battery")
    sheet.paragraph(
        "Open the lid with the square key, pull the old pack straight out, and wait until the lamp is dark. Push the "
        "new one in until it clicks. The relay needs about two minutes to find its neighbours. If the lamp stays on "
        "without blinking, the pack is in the wrong way round, which does no harm."
    )


def _starting(document: Any) -> None:
    sheet = Sheet(document, STYLE, "4")
    sheet.heading("4  Starting the gateway")
    sheet.paragraph(
        "After a power cut the gateway does not start by itself. That is meant: somebody has to look at it first. "
        "The steps below take eleven minutes, most of it waiting. Do not skip the fourth; it was skipped once."
    )
    top = sheet.y
    sheet.column(0, top=top)
    sheet.subheading("Before you switch on")
    sheet.numbered(
        [
            "Read the last page of the day book. If the machine was stopped on purpose, ring the person who did it.",
            "Feel the floor under the rack. If it is wet, leave the room and call the duty electrician.",
            "Check that the spare machine is off and its disk tray is empty.",
            "Turn the clock key to HOLD, so that no reading is stamped before the time is known.",
        ]
    )
    sheet.paragraph(
        "A gateway that starts with the wrong time spoils a whole tide: readings are refused as coming from the "
        "future, and the refusals fill the day book faster than anyone can read it."
    )
    sheet.column(1, top=top)
    sheet.subheading("Switching on")
    sheet.numbered(
        [
            "Press the round button and wait for three tones. Two tones mean a disk is missing.",
            "Compare the time on the panel with the radio clock. When they agree to the second, turn the key to RUN.",
            "Watch the backlog number. It climbs for a minute, then falls. If it still climbs after five, see alarm "
            "B4.",
            "Ask the office to read you the latest level at the lock. It must match the panel.",
            "Write the time, your name and the reason for the stop in the day book.",
        ]
    )
    sheet.paragraph("The machine is in service only when the office has answered. Until then the grey flag stays up.")


def _alarms(document: Any) -> None:
    sheet = Sheet(document, STYLE, "5")
    sheet.heading("5  Alarms and who answers them")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.paragraph(
        "There are only five alarms. Each has a letter for the person and a number for the hurry: 1 means before you "
        "finish your tea, 4 means before the end of the watch. More alarms were tried and made things worse, because "
        "people learned to sleep through them."
    )
    sheet.subheading("A1  Level jump")
    sheet.paragraph(
        "Two readings a minute apart differ by more than forty centimetres. The watch officer stops all passages "
        "through the narrows, looks out of the window, and asks the lock keeper for a reading by eye. Most jumps are "
        "a ship tied up over the instrument."
    )
    sheet.subheading("A2  Silent pier")
    sheet.paragraph(
        "No instrument on one pier was heard for five minutes. The watch officer sends the quay crew to the relay, "
        "with a fresh battery and the square key. In a storm nobody walks out on the mole: the pier is marked as "
        "silent and stays so until the wind drops below seven."
    )
    sheet.column(1, top=top)
    sheet.subheading("B3  Disk nearly full")
    sheet.paragraph(
        "Less than six days of room are left. The technician moves the oldest month to the shelf disk. Never delete "
        "anything to make room; if you feel you must, wake the harbour master and let her decide."
    )
    sheet.subheading("B4  Backlog")
    sheet.paragraph(
        "More than two thousand readings wait for the office. The technician rings the telephone company and gives "
        "the line number from the card on the door. Nothing is lost meanwhile, so there is no reason to restart the "
        "gateway, and three good reasons not to."
    )
    sheet.subheading("C1  Smoke")
    sheet.paragraph(
        "Leave. Close the door behind you. Break the glass on the landing. The gas system floods the room after "
        "twenty seconds, and it does not know that you went back for your coat."
    )


def _scan(document: Any) -> None:
    sheet = Sheet(document, STYLE, head=False)
    sheet.picture(scanned_note(), (0, 0), (WIDTH, HEIGHT))


def _blank(document: Any) -> None:
    Sheet(document, STYLE, head=False)


def _storm(document: Any) -> None:
    sheet = Sheet(document, STYLE, "8")
    sheet.heading("6  Storm watch")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.paragraph(
        "The storm flag goes up when the mainland forecast says force nine or when the glass falls six hectopascals "
        "in three hours, whichever comes first. From then on two people are in the watch room, and one of them is "
        "awake."
    )
    sheet.subheading("What changes")
    sheet.paragraph(
        "The instruments measure every ten seconds instead of every thirty. Batteries last a third as long, so fresh "
        "packs are put in before the flag goes up, not after. The relay on the North Mole is switched to its second "
        "antenna, which is lower and does not sing in the wind."
    )
    sheet.paragraph(
        "The office receives a summary every quarter of an hour by telephone as well. Read the figures slowly and "
        "have them read back. A seven sounds like an eleven on a bad line."
    )
    sheet.column(1, top=top)
    sheet.subheading("If a relay loses power")
    sheet.paragraph(
        "Leave it. Its neighbours find a way around it within two minutes, except at the Ferry Ramp, which has only "
        "one neighbour. For the ramp, take the hand radio from the hook, go to the upstairs window and read the tide "
        "staff every ten minutes with binoculars. Enter the values by hand with the letter E for eye."
    )
    sheet.subheading("Afterwards")
    sheet.paragraph(
        "When the flag comes down, count the relays from the window before anybody goes out. Rinse salt off the lids "
        "with fresh water. Look for chafed cables at the third bollard, where there are always some. Then sleep; the "
        "report can wait until noon, and a tired report is read twice."
    )


def _signs(document: Any) -> None:
    sheet = Sheet(document, STYLE, "9")
    sheet.heading("7  Deck signs")
    sheet.paragraph(
        "Boards on the lamp posts tell the crew what may be done on each stretch of the quay today. They are hung "
        "out at six in the morning by whoever has the early watch and taken in at dusk. They hold for people on foot "
        "and for the small electric carts, not for ships, which have lights of their own."
    )
    top = sheet.y + 6
    sheet.box((LEFT, top), (RIGHT, top + 250), (0.97, 0.97, 0.95), GRAY)
    x0, span = LEFT + 24, 110.0
    for place in range(4):
        left = x0 + place * span
        sheet.box((left, top + 40), (left + 100, top + 210), WHITE, GRAY)
    middle = [x0 + 50 + place * span for place in range(4)]
    sheet.circle((middle[0], top + 125), 36, (0.82, 0.16, 0.16))
    sheet.polygon([(middle[1] - 40, top + 158), (middle[1] + 40, top + 158), (middle[1], top + 88)], (0.10, 0.60, 0.25))
    sheet.box((middle[2] - 34, top + 91), (middle[2] + 34, top + 159), (0.15, 0.35, 0.78), None)
    sheet.polygon(figures.star(middle[3], top + 126, 42), (0.95, 0.77, 0.10))
    sheet.y = top + 270
    sheet.caption("Figure 2. The four boards, in the order in which they hang on the rack by the door.")
    below = sheet.y
    sheet.column(0, top=below)
    sheet.paragraph(
        "The first means that nobody goes past it without a line and a second person. The next means that the "
        "stretch is open and dry, and that carts may use it."
    )
    sheet.paragraph(
        "If a board is missing, treat the stretch as closed and look for the board; it is usually in the water."
    )
    sheet.column(1, top=below)
    sheet.paragraph(
        "The third means that divers are below: engines off, no hooks, no anchors. The last is hung out for "
        "visitors, and means that somebody is waiting at the gangway who knows the way."
    )
    sheet.paragraph("Two boards on one post were tried in spring. Nobody could say which of them counted.")


def _terms(document: Any) -> None:
    sheet = Sheet(document, STYLE, "10")
    sheet.heading("8  Words and people")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.subheading("Words")
    for term, meaning in (
        ("Backlog.", "Readings that a station holds and the next has not confirmed."),
        ("Day book.", "The bound book on the desk. What is not in it did not happen."),
        ("Glass.", "The barometer in the hall, older than the harbour office and more trusted."),
        ("Mole.", "The long wall against the swell. Not a pier, though instruments hang on it."),
        ("Passage plan.", "What a pilot writes before a ship moves. It names the readings it rests on."),
        ("Silent.", "Said of an instrument that should be heard and is not. Broken is another matter."),
        ("Watch.", "Six hours at the desk. The early watch begins at six."),
    ):
        sheet.paragraph(f"{term} {meaning}")
    sheet.column(1, top=top)
    sheet.subheading("People")
    sheet.paragraph(
        "Runa Halvard is harbour master and decides what the book does not. Tomas Brekke looks after the gateway and "
        "wrote most of this. Ines Caldeira leads the quay crew; the square keys are hers. Old Pettersen keeps the "
        "lock and has read the tide staff by eye for thirty-one years without being wrong by more than two "
        "centimetres."
    )
    sheet.subheading("Numbers")
    sheet.paragraph(
        "Watch room 20, harbour master 21, crane shed 24, lock 27. The duty electrician changes every week and "
        "stands on the board by the stairs. From outside, dial the harbour and ask; there is always somebody who "
        "knows where the person you want is having lunch."
    )
