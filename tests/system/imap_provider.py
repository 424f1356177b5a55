"""An IMAP server by script, as provider.py has one of POP3."""

import re

from provider import Cut, Provider, Session

CAPABILITIES = ("IMAP4rev1", "SASL-IR", "UIDPLUS", "ESEARCH")


class Kept:
    def __init__(self, uid, message):
        self.uid = uid
        self.message = message
        self.wire = message.replace(b"\n", b"\r\n")
        self.flags = set()


def ranges(mail):
    """Their UIDs as a set."""
    uids = {one.uid for one in mail}
    begins = sorted(uid for uid in uids if uid - 1 not in uids)
    ends = sorted(uid for uid in uids if uid + 1 not in uids)
    return ",".join(f"{a}:{b}" if a != b else str(a) for a, b in zip(begins, ends))


class ImapSession(Session):
    def talk(self):
        self.say("* OK provider ready\r\n")
        while True:
            line = self.stream.readline()
            if not line:
                return
            self.tag, _, line = line.decode("latin-1").rstrip("\r\n").partition(" ")
            self.commands.append(line)
            verb, _, argument = line.partition(" ")
            if verb == "UID":
                verb, _, argument = argument.partition(" ")
                verb = f"UID {verb}"
            special = self.provider.answer(verb.upper(), argument, self)
            if special == "DROP":
                raise Cut
            if special is not None:
                self.say(special)
            elif getattr(self, "on_" + verb.lower().replace(" ", "_"))(argument) == "over":
                return

    def say(self, *parts):
        self.provider.sent += sum(len(part) for part in parts)
        super().say(*parts)

    def ok(self, text="done"):
        self.say(f"{self.tag} OK {text}\r\n")

    def words(self):
        return "CAPABILITY " + " ".join(self.provider.capabilities)

    def on_capability(self, argument):
        self.say(f"* {self.words()}\r\n")
        self.ok()

    def logged_in(self, is_right):
        if not is_right:
            return self.say(f"{self.tag} NO [AUTHENTICATIONFAILED] wrong\r\n")
        return self.ok(f"[{self.words()}] hello" if self.provider.tells else "hello")

    def on_login(self, argument):
        words = [word.strip('"') for word in argument.split(" ")]
        self.logged_in(words[1] == self.provider.password)

    def on_authenticate(self, argument):
        if " " not in argument:
            self.say("+ \r\n")
            argument += " " + self.stream.readline().decode().strip()
        self.initial = argument.split(" ")[1]
        self.logged_in(True)

    def on_select(self, argument):
        mail = self.provider.mail
        self.folder = argument.strip('"')
        self.say(
            f"* {len(mail)} EXISTS\r\n* FLAGS (\\Deleted)\r\n",
            f"* OK [UIDVALIDITY {self.provider.uidvalidity}] ok\r\n"
            if self.provider.uidvalidity else "",
            f"{self.tag} OK [READ-WRITE] done\r\n",
        )  # fmt: skip

    on_examine = on_select

    def on_uid_search(self, argument):
        mail = self.provider.mail
        if argument.endswith("DELETED"):
            mail = [one for one in mail if "\\Deleted" in one.flags]
        uids = [str(one.uid) for one in mail]
        if argument.startswith("RETURN"):
            found = f" ALL {ranges(mail)}" if uids else ""
            self.say(f'* ESEARCH (TAG "{self.tag}") UID{found}\r\n')
        else:
            self.say(f"* SEARCH {' '.join(uids)}\r\n")
        self.ok()

    def picked(self, uids):
        """(number, message) of a set."""
        for number, one in enumerate(list(self.provider.mail), 1):
            for piece in uids.split(","):
                first, _, last = piece.partition(":")
                if int(first) <= one.uid <= int(last or first):
                    yield number, one
                    break

    def on_uid_fetch(self, argument):
        uids, _, items = argument.partition(" ")
        for number, one in self.picked(uids):
            if "RFC822.SIZE" in items:
                size = self.provider.size(one.wire)
                self.say(f"* {number} FETCH (UID {one.uid} RFC822.SIZE {size} ",
                         f"FLAGS ({' '.join(one.flags)}))\r\n")  # fmt: skip
                continue
            self.give(number, one, items)
        self.ok()

    def give(self, number, one, items):
        wire, name = one.wire, "BODY[]"
        part = re.search(r"<(\d+)\.(\d+)>", items)
        if "FIELDS" in items:
            found = re.findall(rb"(?im)^(?:Message-ID|Date):.*\r\n", wire.partition(b"\r\n\r\n")[0]
                               + b"\r\n")  # fmt: skip
            wire, name = b"".join(found) + b"\r\n", "BODY[HEADER.FIELDS (MESSAGE-ID DATE)]"
        elif "HEADER" in items:
            wire, name = wire.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", "BODY[HEADER]"
        else:
            self.provider.retrieved += 1
        if part:
            first, count = int(part[1]), int(part[2])
            wire, name = wire[first : first + count], f"BODY[]<{first}>"
        self.say(f"* {number} FETCH (UID {one.uid} {name} {{{len(wire)}}}\r\n", wire, ")\r\n")

    def on_uid_store(self, argument):
        for _, one in self.picked(argument.split(" ")[0]):
            one.flags.add("\\Deleted")
        self.ok()

    def expunge(self, numbered):
        with self.provider.lock:
            gone = [one for _, one in numbered if "\\Deleted" in one.flags]
            self.provider.mail = [one for one in self.provider.mail if one not in gone]
        self.say("* 1 EXPUNGE\r\n" * len(gone))
        self.ok()

    def on_uid_expunge(self, argument):
        self.expunge(self.picked(argument))

    def on_expunge(self, argument):
        self.expunge(enumerate(self.provider.mail, 1))

    def on_logout(self, argument):
        self.say("* BYE\r\n")
        self.ok()
        return "over"


class ImapProvider(Provider):
    """As Provider; verbs are such as "UID FETCH", session.tag is the command's. tells: what
    it can do is said with the login's OK."""

    session_class = ImapSession

    def __init__(self, messages=(), capabilities=CAPABILITIES, tells=True):
        self.mail = []
        self.uidvalidity = 17
        self.next_uid = 1
        self.tells = tells
        self.sent = 0
        super().__init__((), capabilities)
        self.size = len
        self.messages = messages

    @property
    def messages(self):
        return [one.message for one in self.mail]

    @messages.setter
    def messages(self, messages):
        self.mail = []
        self.put(messages)

    def put(self, messages):
        for message in messages:
            self.mail.append(Kept(self.next_uid, message))
            self.next_uid += 1

    def renumber(self):
        """As when a server lost its indexes."""
        self.uidvalidity += 1
        for one in self.mail:
            one.uid, self.next_uid = self.next_uid, self.next_uid + 1
