"""Runs a scenario as the command does, and finds its figures."""

import argparse

from bench.io.context import Context


async def measured(scenario, *arguments, context=None):
    parser = argparse.ArgumentParser()
    scenario.add_options(parser)
    return await scenario.run(parser.parse_args(arguments), context or Context())


def figure(result, name):
    return next(figure for figure in result.summary if figure.name == name).value
