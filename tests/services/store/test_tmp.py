import time
def test_t(postgres):
    postgres.new(True)
    for s in ("file_copy","wal_log"):
      for i in range(6):
        t=time.time(); postgres.run(f"CREATE DATABASE z{s}{i} TEMPLATE accord_2 STRATEGY {s}"); a=time.time()-t
        t=time.time(); postgres.run(f"DROP DATABASE z{s}{i}"); print(s,round(a,3), "drop", round(time.time()-t,3))
    import subprocess
    print(subprocess.run(f"du -sh {postgres.folder}/data/base/*; ls {postgres.folder}/data/base/1 | wc -l", shell=True, capture_output=True, text=True).stdout)
    with postgres.connect() as c: print(c.execute("show file_copy_method").fetchall(), c.execute("show shared_buffers").fetchall())
