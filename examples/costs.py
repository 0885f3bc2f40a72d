"""What a step costs: computed from its model and tokens, or as you say.

Prices are bundled (extra `cost`), nothing is looked up in the network. Tokens are given in parts that do
not overlap: read from the provider's cache, written to it, and neither. An unknown model has no cost.
"""

import contextcompany as tcc

with tcc.run(run_id="costs") as r:
    r.prompt("Translate the manual")

    with r.step("computed") as s:
        s.prompt("Translate page 1").response("Seite 1").model(requested="gpt-4o", used="gpt-4o-2024-08-06")
        s.tokens(prompt_uncached=1_000, prompt_cached=4_000, completion=500)

    with r.step("reported") as s:
        s.prompt("Translate page 2").response("Seite 2").model(requested="gpt-4o")
        s.tokens(prompt_uncached=1_000, completion=500).cost(0.0042)  # your own figure always wins

    with r.step("unknown", provider="in-house") as s:
        s.prompt("Translate page 3").response("Seite 3").model(requested="translator-of-ours")
        s.tokens(prompt_uncached=1_000, completion=500)

    r.response("Translated.")

print("3 steps: one cost is computed, one reported, one unknown")
print(tcc.flush())
