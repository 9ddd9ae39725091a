"""The second sample document: a field report of ten pages with drawn figures and two tables."""

from __future__ import annotations

from math import sin
from typing import Any

from bot.demo.samples import figures
from bot.demo.samples.drawing import GRAY, HEIGHT, LEFT, PALE, RIGHT, WIDTH, Color, Sheet, Style

NAME = "tern-sensor-field-report.pdf"
TITLE = "Tern Sensor Field Report"
RUST: Color = (0.60, 0.24, 0.10)
STYLE = Style("Tern Sensor Field Report · nine weeks on the water", RUST)


def draw() -> Any:
    """Return the open document. Its printed page numbers equal the counted ones."""
    import pymupdf

    document = pymupdf.open()
    for page in (_title, _sites, _instrument, _method, _results, _drift, _power, _broken, _advice, _diary):
        page(document)
    return document


def _title(document: Any) -> None:
    sheet = Sheet(document, STYLE, head=False)
    sheet.box((0, 0), (WIDTH, 300), figures.SAND, None)
    for row in range(5):
        points = [(x, 250 + row * 12 + 9 * sin(x / 42 + row)) for x in range(-10, 610, 10)]
        sheet.page.draw_polyline(points, color=RUST, width=2.4 - row * 0.4)
    sheet.polygon([(300, 150), (356, 118), (420, 112), (372, 138), (338, 168)], RUST)
    sheet.polygon([(300, 150), (250, 112), (196, 100), (236, 130), (276, 168)], RUST)
    sheet.polygon([(276, 160), (318, 152), (346, 170), (312, 182)], RUST)
    sheet.write((LEFT, 356), "Tern Sensor Field Report", "hebo", 27, RUST)
    sheet.write((LEFT, 384), "Nine weeks on the water, from April to June", "helv", 13, GRAY)
    sheet.left, sheet.right, sheet.y = LEFT, RIGHT, 430
    sheet.subheading("Summary")
    sheet.paragraph(
        "Four prototypes of the Tern water level sensor were hung at four places around Skerry Point and left alone "
        "for nine weeks. Three of them worked to the end. Their levels agree with the brass staff at the lock to "
        "within two centimetres in calm water and five in swell, which is better than we promised and good enough "
        "for pilots."
    )
    sheet.paragraph(
        "Power was the surprise. We had feared that the cells would not last, and they did; what failed was the clip "
        "that holds them. Gulls, weed and one fishing line did the rest. The report says what was measured, what "
        "broke, and what should change before twenty more are built. The figures were invented for this sample, as "
        "was the harbour."
    )
    sheet.paragraph("Written by Marit Solheim and Dov Aranda for the instrument team.")


def _sites(document: Any) -> None:
    sheet = Sheet(document, STYLE, "2")
    sheet.heading("1  Where the sensors hung")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.paragraph(
        "We chose the places to differ as much as a small harbour allows. A sensor that only works in still water is "
        "a ruler with batteries, and we own enough rulers."
    )
    sheet.subheading("Lock wall")
    sheet.paragraph(
        "Sheltered, two metres of water at low tide, and next to the brass staff that everything is compared with. "
        "The sensor hangs in an old drainpipe. Fresh water comes down on Tuesdays when the lock is flushed, and the "
        "reading then rises by a hand for ten minutes."
    )
    sheet.subheading("Ferry ramp")
    sheet.paragraph(
        "The ferry arrives eleven times a day and pushes half the basin in front of it. We wanted to know whether "
        "the averaging can tell a ferry from a tide. It can, but only since the second week, when Dov doubled the "
        "window."
    )
    sheet.column(1, top=top)
    sheet.subheading("North mole, outside")
    sheet.paragraph(
        "Open to the swell from the north west. Reached by ladder, at low water only, by people who are tied to one "
        "another. The bracket is stainless after what happened to the last one in March."
    )
    sheet.subheading("Eel channel")
    sheet.paragraph(
        "A muddy arm behind the fish market where the bottom rises by thirty centimetres a year. Nobody needs the "
        "level there. We hung a sensor in it because everything that can foul a port lives in the eel channel: weed, "
        "silt, barnacles, and a cat that fishes."
    )
    sheet.paragraph("All four were set to the height of the harbour datum by levelling, twice, by two people.")


def _instrument(document: Any) -> None:
    sheet = Sheet(document, STYLE, "3")
    sheet.heading("2  The instrument")
    sheet.paragraph(
        "A Tern is a tube as long as a forearm. It has no moving parts and no window. Everything in it can be "
        "replaced with one key and cold fingers. Figure 1 shows it cut open, with the names that the workshop uses."
    )
    top = sheet.y + 2
    sheet.picture(figures.cutaway(STYLE), (LEFT, top), (RIGHT, top + 250))
    sheet.y = top + 270
    sheet.caption("Figure 1. A Tern cut open along its length. The upper end is on the left.")
    below = sheet.y
    sheet.column(0, top=below)
    sheet.paragraph(
        "Water presses on a thin steel skin; a gauge behind it turns the pressure into a number. A second gauge in "
        "the head measures the air, because the weight of the air changes by as much as a boat does."
    )
    sheet.column(1, top=below)
    sheet.paragraph(
        "The difference, divided by the density of the water, is the level. Density comes from a table of "
        "temperature and the salt content that we last measured by hand, which is every second Friday."
    )


def _method(document: Any) -> None:
    sheet = Sheet(document, STYLE, "4")
    sheet.heading("3  How we measured")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.paragraph(
        "Each sensor took a burst of sixty samples every five minutes and sent the median. The median was chosen "
        "over the mean after an afternoon with a paddle: one slap on the water moves the mean of a burst by nine "
        "centimetres and the median by none."
    )
    sheet.paragraph(
        "Twice a day, at changing hours, one of us read the brass staff at the lock through a tube that calms the "
        "water. The reader did not know what the sensor said. One hundred and eighteen readings were made in this "
        "way, of which three were thrown out because the hour was not written beside them."
    )
    sheet.column(1, top=top)
    sheet.subheading("Comparing the outer places")
    sheet.paragraph(
        "There is no staff on the mole or in the eel channel. For these we levelled down from the nearest bolt with "
        "a weighted tape, once a week at slack water. The tape is good to one centimetre in a calm and to four in "
        "swell, so small differences out there say nothing about the sensor."
    )
    sheet.subheading("What counts as a failure")
    sheet.paragraph(
        "A gap of more than one hour, or an error of more than ten centimetres against staff or tape. A sensor that "
        "was lifted out by hand is not counted as failed for that time, however much it felt like it."
    )


def _results(document: Any) -> None:
    sheet = Sheet(document, STYLE, "5")
    sheet.heading("4  What came out")
    sheet.paragraph(
        "Table 1 gives the whole of it. Calm means a wave height under twenty centimetres in the burst; everything "
        "else is swell. The error is the typical distance from staff or tape, whichever was at hand."
    )
    sheet.caption("Table 1. Four places over sixty-three days.")
    sheet.table(
        ["Place", "Bursts", "Received (%)", "Calm (cm)", "Swell (cm)", "Longest gap (min)"],
        [
            ["Lock wall", "18120", "99.9", "1.4", "2.2", "10"],
            ["Ferry ramp", "18044", "99.4", "1.9", "3.8", "35"],
            ["North mole", "17371", "95.7", "2.0", "4.9", "410"],
            ["Eel channel", "9306", "51.3", "2.6", "3.1", "40320"],
        ],
        [0.20, 0.13, 0.17, 0.14, 0.15, 0.21],
    )
    top = sheet.y
    sheet.column(0, top=top)
    sheet.paragraph(
        "The lock wall shows what the instrument can do when nothing disturbs it. One and a half centimetres is "
        "about the thickness of the weed on the staff, so we do not claim more."
    )
    sheet.paragraph(
        "The long silence on the mole was one storm. The sensor measured throughout and sent everything afterwards, "
        "in order; the percentage counts what came within five minutes."
    )
    sheet.column(1, top=top)
    sheet.paragraph(
        "The eel channel stopped on the thirty-third day and did not come back. Chapter 7 tells that story. Until "
        "then it was as good as its neighbours, mud or no mud."
    )
    sheet.paragraph(
        "At the ferry ramp, nine arrivals in ten leave no trace in the five minute level. The tenth is the captain "
        "who brakes late, and he is known by name."
    )


def _drift(document: Any) -> None:
    sheet = Sheet(document, STYLE, "6")
    sheet.heading("5  Does it drift?")
    sheet.paragraph(
        "A gauge under pressure creeps. We compared the weekly mean of each sensor with the weekly mean of its "
        "reference and drew the difference. Two lines stay within a centimetre. One leans, slowly and evenly, as "
        "steel does in its first months."
    )
    top = sheet.y + 2
    sheet.picture(figures.curves(STYLE), (LEFT, top), (RIGHT, top + 270))
    sheet.y = top + 290
    sheet.caption("Figure 2. Difference to the reference, by week, in centimetres.")
    sheet.paragraph(
        "An even lean can be taken out by levelling once a month. It will be smaller in the next build, where the "
        "skins are aged in warm oil for a week before they are welded in. We would rather age them than correct "
        "them: a correction has to be remembered by somebody, and an aged skin does not."
    )


def _power(document: Any) -> None:
    sheet = Sheet(document, STYLE, "7")
    sheet.heading("6  Power")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.paragraph(
        "Two lithium cells in series feed a Tern. On the bench we had counted on ninety days. After sixty-three days "
        "in cold water the voltage had fallen by less than a tenth, which extrapolates to seven months. The "
        "difference is the radio: it was heard at the first attempt far more often than on the bench, so it rarely "
        "had to repeat."
    )
    sheet.subheading("Where the charge goes")
    sheet.paragraph(
        "Sending takes most, measuring a quarter, and waiting almost nothing. Halving the number of bursts would add "
        "two months of life and cost the pilots their view of the first of the flood. We advise against it."
    )
    sheet.column(1, top=top)
    sheet.subheading("The clip")
    sheet.paragraph(
        "Twice a sensor fell silent because the spring clip that holds the cells had opened a hair's breadth. A "
        "knock on the tube brought it back. The clip is rated for a shelf, not for a ladder that is struck by waves. "
        "A screw cap with a rubber washer costs forty cents more and cannot open."
    )
    sheet.subheading("Cold")
    sheet.paragraph(
        "April nights went down to minus four. The cells lose a fifth of their voltage at that temperature and "
        "recover by noon. The low voltage warning was therefore wrong on six mornings. It should look at the noon "
        "value."
    )


def _broken(document: Any) -> None:
    sheet = Sheet(document, STYLE, "8")
    sheet.heading("7  What broke")
    top = sheet.y
    sheet.column(0, top=top)
    sheet.subheading("Gulls")
    sheet.paragraph(
        "The upper end of a Tern is round, shiny and as wide as a gull's foot. By the second week each had its gull. "
        "The birds do no harm by sitting, but what they leave behind is conductive when wet, and it shortened the "
        "antenna on the ferry ramp for half an hour. A cone of plastic cured that."
    )
    sheet.subheading("Weed")
    sheet.paragraph(
        "Weed grows on the tube but not on the steel skin, which is too smooth. We scraped the tubes once, in May, "
        "and saw no step in the readings. It need not be done."
    )
    sheet.column(1, top=top)
    sheet.subheading("The fishing line")
    sheet.paragraph(
        "On the thirty-third day somebody hooked the sensor in the eel channel, pulled, and cut the line when it did "
        "not give. The bracket held; the cable did not. Water crept up inside the cable for an hour and reached the "
        "board. The sensor was found hanging head down with a very good lure attached, which is in the drawer."
    )
    sheet.paragraph(
        "A cable gland that seals each wire by itself would have saved the board. So would a sign, perhaps; but "
        "signs are read by those who would not have pulled."
    )


def _advice(document: Any) -> None:
    sheet = Sheet(document, STYLE, "9")
    sheet.heading("8  What we recommend")
    sheet.paragraph(
        "Build the twenty. The instrument does what it was built for, and the faults we found are faults of clips, "
        "cables and shapes. In order of what they would have saved us, the changes are these."
    )
    sheet.numbered(
        [
            "A screw cap instead of the spring clip. It would have prevented five of the seven gaps.",
            "A gland that seals every wire, and a cable that tears off above the seal when it is pulled.",
            "A plastic cone on the upper end, so that no bird can stand there.",
            "Skins aged in warm oil, and levelling once a month until the lean is gone.",
            "A low voltage warning that looks at noon. People stop believing a lamp that lies at dawn.",
        ]
    )
    sheet.paragraph(
        "We do not recommend a display, a button or a second radio, all of which were asked for. Nobody stands "
        "beside the sensor who could read a display, a button lets water in, and the second radio would be silent "
        "for the same reasons as the first. The money is better spent on spare tubes: one for every five in the "
        "water."
    )
    sheet.paragraph(
        "With these changes a Tern should hang for half a year between visits, and the visit should take ten minutes."
    )


def _diary(document: Any) -> None:
    sheet = Sheet(document, STYLE, "10")
    sheet.heading("Appendix  Diary and thanks")
    sheet.caption("Table 2. The days on which somebody touched a sensor.")
    sheet.table(
        ["Day", "Place", "What was done", "By"],
        [
            ["1", "All four", "Hung, levelled, started", "Solheim, Aranda"],
            ["9", "Ferry ramp", "Averaging window doubled", "Aranda"],
            ["16", "Ferry ramp", "Cone fitted against gulls", "Solheim"],
            ["22", "Lock wall", "Clip pressed shut", "Pettersen"],
            ["33", "Eel channel", "Found hanging, taken ashore", "Aranda"],
            ["41", "All three", "Tubes scraped", "Quay crew"],
            ["63", "All three", "Taken in, weighed, photographed", "Solheim, Aranda"],
        ],
        [0.10, 0.22, 0.42, 0.26],
    )
    sheet.paragraph(
        "We thank the quay crew for ladders, rope and patience; the lock keeper for one hundred and eighteen "
        "readings, some of them in his slippers; the ferry for braking; and the workshop for building four of "
        "something that had never been built once. The raw bursts are on the shelf disk beside the day book, in a "
        "box marked with a bird."
    )
    sheet.box((LEFT, HEIGHT - 176), (RIGHT, HEIGHT - 80), PALE, None, 0.08)
    sheet.left, sheet.right, sheet.y = LEFT + 18, RIGHT - 18, HEIGHT - 146
    sheet.paragraph(
        "If you found a Tern on a beach: it is harmless. Please do not open it. Bring it to any harbour office, or "
        "write to Skerry Point and say where it was. There is a reward, and it is cake."
    )
