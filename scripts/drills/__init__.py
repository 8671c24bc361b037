"""The drills: load, faults, and a checker that judges what came of it.

snapshot.py   history, databases and streams, copied side by side into one database
invariants.py what must hold, a function each (I1 to I12)
story.py      all that is known of one order
resources.py  I14: samples of processes, and what must return to where it was
settle.py     waits until the system has come to rest
faults.py     what is done to the system, by name
plan.py       a drill's table and a seed make a plan of faults
runner.py     runs a drill: load, faults, rest, judgement
report.py     the table, and a page with plots
"""
