"""Python loads this when its folder is on PYTHONPATH: real processes of the product strike at the
commit point that `FAULT` names (`kill after 40`)."""

import os

from tests.faults.injection import Fault, Injection

kind, moment, at = os.environ["FAULT"].split()
injection = Injection(Fault(kind, moment, int(at)))
