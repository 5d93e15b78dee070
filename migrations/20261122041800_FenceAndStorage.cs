using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using SmtWeb.Runs.Entities;

namespace SmtWeb.Migrations;

/// <summary>What the model cannot say: the fence of attempts, and how large values are stored.</summary>
[DbContext(typeof(SmtWebDbContext))]
[Migration("20261122041800_FenceAndStorage")]
public sealed class FenceAndStorage : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        // Every write of an attempt calls this first. It locks the run's row until commit, so that a claim cannot slip in
        // between the check and the write, and so that the rows of a run get their ids in commit order.
        migrationBuilder.Sql(
            """
            CREATE FUNCTION smtweb_fence(fenced_run bigint, fenced_attempt integer) RETURNS void LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM 1 FROM runs WHERE id = fenced_run AND attempt = fenced_attempt AND state IN ('Starting', 'Running', 'Stopping')
                    FOR NO KEY UPDATE;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'attempt % no longer owns run %', fenced_attempt, fenced_run USING ERRCODE = 'SW001';
                END IF;
            END
            $$;
            """);

        // A run is held exactly while it has a lease: nothing can be left running that nobody will ever take for lost.
        migrationBuilder.Sql(
            """
            ALTER TABLE runs ADD CONSTRAINT runs_held_has_lease
                CHECK ((state IN ('Starting', 'Running', 'Stopping')) = (lease_until IS NOT NULL));
            """);

        // Weights and PNGs do not compress; trying costs most of the time of storing them.
        migrationBuilder.Sql(
            """
            ALTER TABLE checkpoint_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
            ALTER TABLE pictures ALTER COLUMN png SET STORAGE EXTERNAL;
            """);

        // Pruned checkpoints give their space back soon: a few dead chunks are megabytes.
        migrationBuilder.Sql(
            """
            ALTER TABLE checkpoint_chunks SET (
                autovacuum_vacuum_threshold = 4, autovacuum_vacuum_scale_factor = 0,
                toast.autovacuum_vacuum_threshold = 4000, toast.autovacuum_vacuum_scale_factor = 0);
            """);
    }

    /// <inheritdoc/>
    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql("DROP FUNCTION smtweb_fence(bigint, integer); ALTER TABLE runs DROP CONSTRAINT runs_held_has_lease;");
    }
}
