from bench.contest import BARE_SRTP, JANUS, NATIVE, PYTHON, Bout, Trial, charts, figures, tables
from bench.report import Figure


def trial(
    rate: float, cpu_each: float, *, sent: int | None = None, p99: float = 3.0, generator_bound: bool = False
) -> Trial:
    packets = int(rate)
    cpu = cpu_each * packets / 1e6
    return Trial(
        offered=rate,
        sent=packets if sent is None else sent,
        received=packets,
        arrived=packets,
        seconds=1.0,
        p50=1.0,
        p99=p99,
        cpu=cpu,
        generator_cpu=0.1,
        generator_bound=generator_bound,
    )


def bout(server: str, number: int, rate: float, cpu_each: float, *, capped: str = "") -> Bout:
    return Bout(server, number, 1.2, 300.0, trial(44_000, 2 * cpu_each), trial(rate, cpu_each), capped)


def figure(bouts: list[Bout], name: str) -> Figure:
    return next(each for each in figures(bouts) if each.name == name)


PACKETS = "packets/s, native against Janus"
CPU = "CPU per packet near saturation, native against Janus"


def test_ratios_are_taken_round_by_round():
    # The machine was half as fast in round 2, for both: the ratio stays.
    bouts = [bout(JANUS, 1, 100_000, 8.0), bout(NATIVE, 1, 300_000, 3.0)]
    bouts += [bout(JANUS, 2, 50_000, 16.0), bout(NATIVE, 2, 150_000, 6.0)]
    packets = figure(bouts, PACKETS)
    assert (packets.value, packets.low, packets.high) == (3.0, 3.0, 3.0)
    assert packets.kept is True
    cpu = figure(bouts, CPU)
    assert abs((cpu.value or 0) - 0.375) < 1e-3
    assert cpu.kept is True


def test_a_bar_that_is_missed_is_said_to_be_missed():
    bouts = [bout(JANUS, 1, 100_000, 8.0), bout(NATIVE, 1, 200_000, 4.0)]
    assert figure(bouts, PACKETS).kept is False
    assert figure(bouts, CPU).kept is False


def test_a_server_that_was_left_out_is_not_measured_and_not_judged():
    found = figure([bout(NATIVE, 1, 300_000, 3.0), bout(BARE_SRTP, 1, 340_000, 2.9)], PACKETS)
    assert found.value is None
    assert found.kept is None
    assert found.note == "not measured"


def test_a_round_that_one_of_both_has_missed_does_not_count():
    bouts = [bout(JANUS, 1, 100_000, 8.0), bout(NATIVE, 1, 300_000, 3.0), bout(NATIVE, 2, 100_000, 3.0)]
    assert figure(bouts, PACKETS).value == 3.0


def test_what_the_generator_held_back_is_not_judged():
    held_back = [bout(JANUS, 1, 100_000, 8.0, capped="the generator was late"), bout(NATIVE, 1, 300_000, 3.0)]
    assert figure(held_back, PACKETS).kept is None
    assert JANUS in figure(held_back, PACKETS).note
    # "At least" three times as much is good enough, and at least once as much says nothing.
    assert figure([bout(JANUS, 1, 1e5, 8.0), bout(NATIVE, 1, 3e5, 3.0, capped="x")], PACKETS).kept is True
    assert figure([bout(JANUS, 1, 1e5, 8.0), bout(NATIVE, 1, 1e5, 3.0, capped="x")], PACKETS).kept is None


def test_a_load_is_carried_when_little_is_lost_and_little_late():
    assert trial(100_000, 5.0).carried(0.001, 20.0)
    assert not trial(100_000, 5.0, sent=100_200).carried(0.001, 20.0)
    assert not trial(100_000, 5.0, p99=21.0).carried(0.001, 20.0)
    assert not trial(0, 0.0).carried(0.001, 20.0)


def test_a_load_that_the_generator_sent_late_was_not_carried():
    assert not trial(100_000, 5.0, generator_bound=True).carried(0.001, 20.0)


def test_a_server_that_carried_nothing_stands_in_the_tables_without_figures():
    bouts = [Bout(PYTHON, 1, 1.2, 300.0, trial(44_000, 9.0), None), bout(NATIVE, 1, 300_000, 3.0)]
    medians, rounds = tables(bouts)
    row = dict(zip(medians.columns, medians.rows[0], strict=True))
    assert row["server"] == PYTHON
    assert row["packets/s, most"] is None
    assert len(rounds.rows) == 2
    assert [line.points for line in charts(bouts)[0].series] == [[], [(1.0, 300_000.0)]]
