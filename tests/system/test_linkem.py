"""The link emulator is what it says: rate, round trip, queue, loss, reordering, drops."""

import contextlib
import socket
import threading
import time

import pytest

import link
from waiting import wait_until

needs_link = pytest.mark.skipif(bool(link.available()), reason=link.available() or "-")
LINKS = {"dialup": link.DIALUP, "geo": link.GEO, "lte": link.LTE}
PORT = 7000
SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>


@pytest.fixture
def make_link():
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(link.Link(**settings))


def udp(line, side):
    one = line.socket(side, socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((line.address[side], PORT))
    one.settimeout(10)
    return one


def goodput(line, side, settle, measure, window):
    """Bits a second of one TCP connection towards `side`, once `settle` bytes are over. The
    window holds what the line does and half its queue, so that the line is full and nothing
    is lost: what is measured is the emulator, not a recovery from loss."""
    other = "left" if side == "right" else "right"
    server = line.socket(side, socket.AF_INET, socket.SOCK_STREAM)
    server.bind((line.address[side], PORT))
    server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, window)
    server.listen()
    client = line.socket(other, socket.AF_INET, socket.SOCK_STREAM)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")

    def send():
        with contextlib.suppress(OSError):
            client.connect((line.address[side], PORT))
            while True:
                client.sendall(bytes(4096))

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    stream, _ = server.accept()
    got, begun = 0, None
    while got < settle + measure:
        got += len(stream.recv(65536))
        if begun is None and got >= settle:
            begun, first = time.monotonic(), got
    rate = (got - first) * 8 / (time.monotonic() - begun)
    client.shutdown(socket.SHUT_RDWR)
    for one in (stream, server, client):
        one.close()
    sender.join(10)
    return rate


@needs_link
@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_bulk_data_fills_nine_tenths_of_the_rate(make_link, name, side, record_property):
    rate = LINKS[name]["rate_up" if side == "right" else "rate_down"]
    second = rate // 8
    settings = {**LINKS[name], "queue_bytes": max(second, 15_000)}
    window = int(second * 2 * settings["delay_us"] / 1e6) + settings["queue_bytes"] // 2
    measured = goodput(make_link(**settings), side, 4 * window, max(4 * second, 30_000), window)
    record_property("figure", f"linkem {name} to {side}: {measured / rate:.3f} of the rate")
    assert 0.9 <= measured / rate <= 1.02


@needs_link
@pytest.mark.parametrize("name", LINKS)
def test_a_round_trip_takes_what_it_should(make_link, name):
    settings = LINKS[name]
    line = make_link(**settings)
    near, far = udp(line, "left"), udp(line, "right")
    times = []
    for _ in range(9):
        begun = time.monotonic()
        near.sendto(bytes(64), (line.address["right"], PORT))
        data, back = far.recvfrom(2048)
        far.sendto(data, back)
        near.recv(2048)
        times.append(time.monotonic() - begun)
    wire = (64 + 28) * 8
    expected = 2 * settings["delay_us"] / 1e6
    expected += wire / settings["rate_up"] + wire / settings["rate_down"]
    # A busy machine only adds to a round trip: the quickest says what the link does.
    assert min(times) == pytest.approx(expected, rel=0.02)


def flood(line, packets, size=972):
    """Sends so many packets up, counts what arrives, in order of arrival."""
    near, far = udp(line, "left"), udp(line, "right")
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    for number in range(packets):
        near.sendto(number.to_bytes(4, "big") + bytes(size - 4), (line.address["right"], PORT))
    wait_until(lambda: line.counters()["up_packets"] + line.counters()["up_dropped"] >= packets)
    arrived = []
    far.settimeout(1)
    with contextlib.suppress(TimeoutError):
        while True:
            arrived.append(int.from_bytes(far.recv(2048)[:4], "big"))
    return arrived


@needs_link
def test_what_does_not_fit_the_queue_is_dropped_and_counted(make_link):
    line = make_link(rate_up=400_000, delay_us=1000, queue_bytes=20_000)
    arrived = flood(line, 60)  # 60 kB into a queue of 20
    counters = line.counters()
    assert 20 <= len(arrived) <= 24  # 20 wait, one is on the wire, a few leave meanwhile
    assert counters["up_dropped"] == 60 - len(arrived)
    assert arrived == sorted(arrived)


@needs_link
def test_loss_takes_its_share_and_the_same_seed_takes_the_same(make_link):
    results = []
    for _ in range(2):
        line = make_link(delay_us=1000, loss=100_000, seed=7)
        results.append(flood(line, 1000, 200))
        assert line.counters()["up_lost"] == 1000 - len(results[-1])
    assert 850 <= len(results[0]) <= 950
    assert results[0] == results[1]


@needs_link
def test_reordered_packets_come_late_but_come(make_link):
    line = make_link(rate_up=4_000_000, delay_us=1000, queue_bytes=1_000_000, reorder=100_000)
    arrived = flood(line, 300)
    assert sorted(arrived) == list(range(300))
    late = sum(one > other for one, other in zip(arrived, arrived[1:]))
    assert 10 <= late <= 60


@needs_link
def test_the_line_drops_at_the_byte_it_was_told_and_comes_back(make_link):
    line = make_link(delay_us=1000, rate_up=8_000_000, queue_bytes=100_000)
    line.set(drop_at=10_000)
    arrived = flood_until_drop(line)
    assert arrived < 10  # the tenth packet of 1,000 bytes reached the count
    assert not line.has_carrier("left") and not line.has_carrier("right")
    line.set(carrier=1)
    wait_until(lambda: line.has_carrier("left") and line.has_carrier("right"))


def flood_until_drop(line):
    near, far = udp(line, "left"), udp(line, "right")
    with contextlib.suppress(OSError):  # ENETDOWN, once it is down
        for _ in range(50):
            near.sendto(bytes(972), (line.address["right"], PORT))
    line.wait_for_drop()
    far.settimeout(0.5)
    arrived = 0
    with contextlib.suppress(OSError):
        while far.recv(2048):
            arrived += 1
    near.close()
    far.close()
    return arrived


def test_a_relay_delays_and_slows_where_there_is_no_root():
    server = socket.create_server(("127.0.0.1", 0))
    relay = link.Relay(server.getsockname()[1], rate_up=800_000, delay_us=50_000)
    client = socket.create_connection(("127.0.0.1", relay.port), timeout=10)
    stream, _ = server.accept()
    begun = time.monotonic()
    client.sendall(bytes(50_000))  # half a second at 100 kB/s
    got = 0
    while got < 50_000:
        got += len(stream.recv(65536))
    assert 0.5 <= time.monotonic() - begun <= 2
    relay.close()
    for one in (client, stream, server):
        one.close()
