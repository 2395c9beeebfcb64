import json
from pathlib import Path
from datetime import timedelta
import pytest
from tests.watermain.engine.mart.state.conftest import grown, grown_manifest, growing
from tests.watermain.engine.mart.state.growing import *
import time
LEFT=[n for n in TABLES if n in ('merged','whole','batched','batched_months') or n not in MODELS]+['of_history']
def test_dev(growing, grown):
    print({n: d.broken for n,d in grown.items() if d.broken})
    ours=[]
    for each in ROUNDS:
        growing.give(each)
        for n in LEFT:
            t=time.time()
            try: growing.build(n)
            except Exception as e: print('FAIL', n, str(e)[:700])
        ours.append({n: growing.read(n) for n in LEFT})
        growing.clock.advance(timedelta(days=1))
    p=Path('/tmp/w/st/stock/stock.json')
    while not p.exists(): time.sleep(2)
    time.sleep(1)
    stock=json.loads(p.read_text())
    for n in LEFT:
        for i,(a,b) in enumerate(zip(stock,ours)):
            w,f=a.get(n),b[n]
            if n in INSTANTS: w,f=with_instants_by_rank(w),with_instants_by_rank(f)
            if plain(w)!=plain(f):
                print('DIFF',n,i)
                for x in plain(w): print('  -', *[f'{k}={v}' for k,v in x])
                for x in plain(f): print('  +', *[f'{k}={v}' for k,v in x])
                break
        else: print('same',n,[len(x[n]) for x in stock])
    assert 0
