"""cvc5 as a program: SMT-LIB on standard input, answers on standard output, by its Python package.

The package index has cvc5 as a library only. Commands are handed over in batches that end with one that must
answer; `(reset)` makes a new solver, because one that has answered is not to be had back in its first state.
`--lang` and its value are taken and ignored, `--name=value` is an option of the solver.
"""

import sys

import cvc5
from cvc5 import InputLanguage, InputParser, Solver, SymbolManager, TermManager

ANSWERING = ("(check-sat)", "(get-model)")


class Session:
    def __init__(self, options):
        self.terms = TermManager()
        self.solver = Solver(self.terms)
        for name, value in options:
            self.solver.setOption(name, value)
        self.symbols = SymbolManager(self.terms)

    def run(self, commands):
        parser = InputParser(self.solver, self.symbols)
        parser.setStringInput(InputLanguage.SMT_LIB_2_6, commands, "stdin")
        while not (command := parser.nextCommand()).isNull():
            answer = command.invoke(self.solver, self.symbols)
            if answer and answer.strip() != "success":
                print(answer.rstrip("\n"), flush=True)


def main():
    if "--version" in sys.argv:
        print(f"cvc5 {cvc5.__version__}")
        return
    options = [word[2:].split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word]
    session, batch = Session(options), []
    for line in sys.stdin:
        command = line.strip()
        if command == "(exit)":
            return
        if command == "(reset)":
            # The old one goes first: its terms belong to it.
            del session
            session, batch = Session(options), []
            continue
        batch.append(line)
        if command not in ANSWERING:
            continue
        try:
            session.run("".join(batch))
        except Exception as error:
            told = str(error).replace('"', "'").replace("\n", " ")
            print(f'(error "Parse Error: {told}")', flush=True)
        batch = []


if __name__ == "__main__":
    main()
