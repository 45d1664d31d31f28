"""The judge: nights with a known truth, played by the controller and by naive contestants, and graded from outside.

The nights are made from what happens to mail servers, not from the rules that are to judge them. Whoever writes a rule
does not write its nights.
"""
